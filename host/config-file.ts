/** A JSON object with the line of each member, so that a wrong setting can be pointed at. Pure. */

export interface JsonPlace {
  /** 1 is the first line. */
  readonly line: number;
  readonly what: string;
}
export interface JsonObject {
  readonly members: readonly { readonly name: string; readonly value: unknown; readonly line: number }[];
  readonly problems: readonly JsonPlace[];
}

/** Reads one flat or nested JSON object. Whatever is wrong with it comes back as a problem; nothing is thrown. */
export function readJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ' '));
  } catch (error) {
    return { members: [], problems: [syntaxProblem(text, error)] };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { members: [], problems: [{ line: 1, what: '应为 JSON 对象 must be a JSON object' }] };
  }
  const lines = memberLines(text);
  const problems = lines
    .filter(({ name }, index) => lines.findIndex((other) => other.name === name) !== index)
    .map(({ name, line }) => ({ line, what: `${name} 重复 stands twice` }));
  const members = Object.entries(value).map(([name, member]: [string, unknown]) => ({
    name,
    value: member,
    line: lines.find((one) => one.name === name)?.line ?? 1,
  }));
  return { members, problems };
}

/** The names at the top level of a text that is known to be JSON, each with its line. */
function memberLines(text: string): { name: string; line: number }[] {
  const found: { name: string; line: number }[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|\n/g;
  let depth = 0;
  let line = 1;
  let last: { text: string; line: number } | null = null;
  for (const [token] of text.matchAll(tokens)) {
    if (token === '\n') line += 1;
    else if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (token.startsWith('"')) last = { text: token, line };
    else if (token === ':' && depth === 1 && last !== null) {
      found.push({ name: JSON.parse(last.text) as string, line: last.line });
    }
  }
  return found;
}

/** The parser's own message names the offset, or only what it met; the text itself is not repeated: it may hold a secret. */
function syntaxProblem(text: string, error: unknown): JsonPlace {
  const message = error instanceof Error ? error.message : '';
  const offset = /at position (\d+)/.exec(message)?.[1];
  const before = offset === undefined ? text : text.slice(0, Number(offset));
  return { line: before.split('\n').length, what: 'JSON 语法错误 is not well-formed JSON here' };
}
