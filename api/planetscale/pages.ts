import type { Page, PageOf } from '../../prisma/deploy-store';
import type { Called } from './call';
import { z } from '../zod';

/** At most this many a page; who asks for more gets as many. */
const MOST = 100;
const USUAL = 25;

const number = z
  .string()
  .regex(/^[1-9][0-9]{0,8}$/, 'must be a whole number from 1')
  .transform(Number);

/** The parameters of every list. */
export const paging = {
  page: number.optional(),
  per_page: number.optional(),
};

export const pageQuery = z.object(paging);

/** Which page was asked for. */
export function pageOf({ page, per_page: perPage }: z.infer<typeof pageQuery>): PageOf {
  return { page: page ?? 1, perPage: Math.min(perPage ?? USUAL, MOST) };
}

/** A page as PlanetScale's clients read it. */
export function pageView<T>(
  { base, req, query }: Pick<Called<z.infer<typeof pageQuery>, unknown>, 'base' | 'req' | 'query'>,
  { items, total }: Page<T>,
  view: (item: T) => unknown,
): Record<string, unknown> {
  const { page, perPage } = pageOf(query);
  const pages = Math.ceil(total / perPage);
  const next = page < pages ? page + 1 : null;
  const previous = page > 1 ? page - 1 : null;
  const address = (of: number | null): string | null => {
    if (of === null) return null;
    const { pathname, searchParams } = new URL(req.originalUrl, base);
    searchParams.set('page', String(of));
    return `${base}${pathname}?${searchParams.toString()}`;
  };
  return {
    type: 'list',
    current_page: page,
    per_page: perPage,
    next_page: next,
    next_page_url: address(next),
    prev_page: previous,
    prev_page_url: address(previous),
    total_count: total,
    total_pages: pages,
    data: items.map(view),
  };
}

/** The page of a list that is at hand as a whole. */
export function slice<T>(all: readonly T[], query: z.infer<typeof pageQuery>): Page<T> {
  const { page, perPage } = pageOf(query);
  return { items: all.slice((page - 1) * perPage, page * perPage), total: all.length };
}
