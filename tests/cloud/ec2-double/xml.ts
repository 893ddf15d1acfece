/** What an answer is made of: lists become `<item>`s, what is undefined is left out. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

/** An answer in EC2's dialect. */
export function answer(action: string, requestId: string, body: Readonly<Record<string, Xml>>): string {
  const name = `${action}Response`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
    `${render({ requestId, ...body })}</${name}>`
  );
}

/** An error answer in EC2's dialect. */
export function errorAnswer(code: string, message: string, requestId: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<Response>` +
    `${render({ Errors: { Error: { Code: code, Message: message } }, RequestID: requestId })}</Response>`
  );
}

function render(value: Xml): string {
  if (value === undefined) return '';
  if (isList(value)) return value.map((item) => `<item>${render(item)}</item>`).join('');
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([name, inner]) => (inner === undefined ? '' : `<${name}>${render(inner)}</${name}>`))
      .join('');
  return String(value).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function isList(value: Xml): value is readonly Xml[] {
  return Array.isArray(value);
}
