/** The two who set a host up: each brings a component of every key, and sees none of the other's. */
import type { Token } from '../../host/index.ts';

/** Rows for the host's `admin-tokens.json`. @param random unguessable bytes */
export function twoPersons(random: (bytes: number) => Buffer): readonly [first: Token, second: Token] {
  const token = () => random(32).toString('base64url');
  return [
    { token: token(), person: '系统管理员', role: 'admin' },
    { token: token(), person: '第二管理员', role: 'admin' },
  ];
}

/** What each of them sends to the administration, in turn. */
export function componentBodies(
  components: readonly Buffer[],
  more: { readonly reason: string; readonly algorithm?: '3des' | 'sm4' },
): readonly Readonly<Record<string, unknown>>[] {
  return components.map((component, index) => ({
    component: component.toString('hex').toUpperCase(),
    number: index + 1,
    of: components.length,
    ...more,
  }));
}
