/** One question that EC2 asks of IAM: may this action be done to this resource? */
export interface AccessRequest {
  /** As `ec2:RunInstances`. */
  readonly action: string;
  readonly arn: string;
  /** Condition keys and their values. */
  readonly context: Readonly<Record<string, string>>;
}

interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** An IAM policy document, as far as this evaluator goes. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** Whether a policy allows a request: some statement allows it and none denies it. */
export function allows(policy: PolicyDocument, request: AccessRequest): boolean {
  const fitting = policy.Statement.filter((statement) => fits(statement, request));
  return fitting.some(({ Effect }) => Effect === 'Allow') && !fitting.some(({ Effect }) => Effect === 'Deny');
}

/** Every action that a policy's statements name, which must be whole names. */
export function actionsOf(policy: PolicyDocument): Set<string> {
  return new Set(policy.Statement.flatMap(({ Action }) => Action));
}

function fits({ Action, Resource, Condition = {} }: Statement, { action, arn, context }: AccessRequest): boolean {
  return (
    [Action].flat().includes(action) &&
    [Resource].flat().some((pattern) => wildcard(pattern, arn)) &&
    Object.entries(Condition).every(([operator, keys]) => {
      // Whatever else a policy may say is not understood here and must not pass unnoticed.
      if (operator !== 'StringEquals') throw new Error(`the evaluator knows no ${operator}`);
      return Object.entries(keys).every(
        ([key, values]) => Object.hasOwn(context, key) && [values].flat().includes(context[key]!),
      );
    })
  );
}

function wildcard(pattern: string, arn: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+^${}()|[\]\\?]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(arn);
}
