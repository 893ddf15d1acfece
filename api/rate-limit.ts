import { ipKeyGenerator, rateLimit, type RateLimitRequestHandler } from 'express-rate-limit';
import type { Request, Response } from 'express';
import { Failure } from '../domain/failures';

/** Counts requests by whoever sends them and refuses what is too much. */
export class RateLimiter {
  private readonly limiter: RateLimitRequestHandler;

  /** @param perMinute requests a minute per key; every API process counts for itself. */
  constructor(perMinute: number) {
    this.limiter = rateLimit({
      windowMs: 60_000,
      limit: perMinute,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      identifier: 'minute',
      keyGenerator: (_req, res) => (res as Response).locals['rateKey'] as string,
      handler: (_req, _res, next) => next(new Failure('RATE_LIMITED')),
    });
  }

  /**
   * Counts one request of a token or replica.
   * @throws Failure RATE_LIMITED; the headers `RateLimit`, `RateLimit-Policy` and `Retry-After` are set by then.
   */
  async count(req: Request, res: Response, key: string): Promise<void> {
    res.locals['rateKey'] = key;
    await new Promise<void>((resolve, reject) => {
      const next = (error?: unknown): void => (error === undefined ? resolve() : reject(error as Error));
      Promise.resolve(this.limiter(req, res, next)).catch(reject);
    });
  }

  /** Counts a refused request under the address it came from: nobody is refused for another's bad guesses. */
  async countRefused(req: Request, res: Response): Promise<void> {
    await this.count(req, res, `address:${ipKeyGenerator(req.ip ?? '0.0.0.0')}`);
  }
}
