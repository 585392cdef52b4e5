/** Tokens: each names a person and a role. Held as hashes, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import type { Random } from '../clock.ts';
import { ROLES, type Role } from './roles.ts';

/** One line of the tokens file. */
export interface Token {
  /** At least 32 characters. */
  readonly token: string;
  readonly person: string;
  readonly role: Role;
}
export interface Caller {
  readonly person: string;
  readonly role: Role;
}

const TOKEN_CHARACTERS_MIN = 32;

export class Tokens {
  readonly #known: readonly { readonly digest: Buffer; readonly caller: Caller }[];

  constructor(tokens: readonly Token[]) {
    this.#known = tokens.map(({ token, person, role }) => ({
      digest: digestOf(token),
      caller: { person, role },
    }));
  }

  /** Who calls. @param authorization the header, `Bearer TOKEN` @throws NOT_AUTHORISED */
  callerOf(authorization: string | undefined): Caller {
    const given = digestOf(/^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '');
    let found: Caller | null = null;
    // All are compared, so that the time does not tell how many there are before the right one.
    for (const { digest, caller } of this.#known) if (timingSafeEqual(digest, given)) found = caller;
    if (found === null) throw new PosError('NOT_AUTHORISED', '令牌缺失或无效 no token, or an unknown one');
    return found;
  }
}

/** The tokens of a file's text. @throws CONFIG_BAD naming the entry, never a token */
export function parseTokens(text: string, file: string): readonly Token[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new PosError('CONFIG_BAD', `${file}: JSON 语法错误 is not well-formed JSON`);
  }
  if (!Array.isArray(list) || list.length === 0)
    throw new PosError('CONFIG_BAD', `${file}: 应为非空列表 a list of at least one`);
  return list.map((entry: unknown, index) => {
    const { token, person, role } = (
      typeof entry === 'object' && entry !== null ? entry : {}
    ) as Partial<Token>;
    const refuse = (why: string) => new PosError('CONFIG_BAD', `${file} [${index}]: ${why}`);
    if (typeof token !== 'string' || token.length < TOKEN_CHARACTERS_MIN) {
      throw refuse(`token: 至少 at least ${TOKEN_CHARACTERS_MIN} 字符 characters`);
    }
    if (typeof person !== 'string' || person.trim() === '') throw refuse('person: 姓名 a name');
    if (role === undefined || !ROLES.includes(role)) throw refuse(`role: ${ROLES.join(' | ')}`);
    return { token, person, role };
  });
}

/** The tokens of a first start: one, for whoever sets the host up. */
export function firstTokens(random: Random): readonly Token[] {
  return [{ token: random.bytes(32).toString('base64url'), person: '系统管理员', role: 'admin' }];
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
