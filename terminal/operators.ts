/** Operators: 99 system, 00 supervisor, 01–98 cashiers. Passwords rest in the journal as slow, salted hashes (`passwordHash`). */
import { timingSafeEqual } from 'node:crypto';
import { PosError } from '../protocol/index.ts';
import type { TerminalDeps } from './deps.ts';
import type { OperatorRecord, OperatorRole } from './journal/model.ts';

const SALT_BYTES = 16;
const PASSWORD = /^\d{4,12}$/;
const MINUTE_MS = 60_000;

export const SYSTEM = '99';
export const SUPERVISOR = '00';

type OperatorDeps = Pick<TerminalDeps, 'clock' | 'random' | 'config' | 'journal' | 'passwordHash'>;

export function roleOf(id: string): OperatorRole {
  return id === SYSTEM ? 'system' : id === SUPERVISOR ? 'supervisor' : 'cashier';
}

/**
 * Checks a password and counts the wrong ones, in the journal, so that a restart forgives nothing.
 * @throws OPERATOR_REFUSED; the same words for a wrong number and a wrong password
 */
export async function checkPassword(deps: OperatorDeps, id: string, password: string): Promise<void> {
  const { config, clock, journal } = deps;
  const known = journal.state.operators[id];
  if (known === undefined) throw refused();
  if (known.lockedUntil > clock.now()) {
    const minutes = Math.ceil((known.lockedUntil - clock.now()) / MINUTE_MS);
    throw new PosError('OPERATOR_REFUSED', `operator ${id} is locked for ${minutes} more minutes`);
  }
  if (timingSafeEqual(hashOf(deps, password, known.salt), Buffer.from(known.hash, 'hex'))) return;
  const isLast = known.wrongTries + 1 >= config.passwordTries;
  const lockedUntil = isLast ? clock.now() + config.passwordLockMinutes * MINUTE_MS : 0;
  await journal.append({ type: 'password wrong', id, lockedUntil });
  throw refused();
}

/** Logs an operator on. @throws OPERATOR_REFUSED */
export async function logOn(deps: OperatorDeps, id: string, password: string): Promise<void> {
  await checkPassword(deps, id, password);
  await deps.journal.append({ type: 'logged on', id });
}

/** Makes an operator, or gives one a new password. @throws INPUT_BAD */
export async function setOperator(
  deps: OperatorDeps,
  id: string,
  password: string,
  by: string,
): Promise<void> {
  if (!/^\d{2}$/.test(id)) throw new PosError('INPUT_BAD', 'an operator number is two digits');
  if (!PASSWORD.test(password)) throw new PosError('INPUT_BAD', 'a password is 4 to 12 digits');
  const salt = deps.random.bytes(SALT_BYTES).toString('hex');
  const operator: OperatorRecord = {
    id,
    role: roleOf(id),
    salt,
    hash: hashOf(deps, password, salt).toString('hex'),
    wrongTries: 0,
    lockedUntil: 0,
  };
  await deps.journal.append({ type: 'operator set', operator, by });
}

export async function removeOperator(deps: OperatorDeps, id: string, by: string): Promise<void> {
  if (roleOf(id) !== 'cashier') throw new PosError('OPERATOR_REFUSED', 'only cashiers can be removed');
  if (deps.journal.state.operators[id] === undefined)
    throw new PosError('NOT_FOUND', `there is no operator ${id}`);
  await deps.journal.append({ type: 'operator removed', id, by });
}

/** The first start demands passwords for 00 and 99: from the settings, else from the person there. */
export async function ensureFirstOperators(deps: TerminalDeps): Promise<void> {
  const { supervisorPassword, systemPassword } = deps.config;
  await ensureFirst(deps, SUPERVISOR, supervisorPassword, 'firstSupervisor');
  await ensureFirst(deps, SYSTEM, systemPassword, 'firstSystem');
}

async function ensureFirst(
  deps: TerminalDeps,
  id: string,
  given: string,
  prompt: 'firstSupervisor' | 'firstSystem',
): Promise<void> {
  let password = given;
  while (deps.journal.state.operators[id] === undefined) {
    if (password === '') password = await deps.clerk.ask(prompt);
    if (PASSWORD.test(password)) await setOperator(deps, id, password, 'first start');
    else deps.clerk.show('密码须为4至12位数字', 'a password is 4 to 12 digits');
    password = '';
  }
}

function hashOf(deps: OperatorDeps, password: string, salt: string): Buffer {
  return deps.passwordHash(password, Buffer.from(salt, 'hex'));
}

function refused(): PosError {
  return new PosError('OPERATOR_REFUSED', 'wrong operator number or password');
}
