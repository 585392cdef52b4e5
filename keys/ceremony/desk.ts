/** The table at which a ceremony is held: what is asked and shown, in which order. */
import { PosError } from '../../protocol/index.ts';
import type { Custodian } from '../vault/key-file.ts';
import { Ceremony, type CeremonyOptions } from './ceremony.ts';
import { isCustodian, newCustodian } from './custodians.ts';

/** Keyboard and screen of this machine. */
export interface Desk {
  say(line: string): void;
  /** Shown while it is typed. @throws CANCELLED */
  ask(question: string): Promise<string>;
  /** Not shown. The caller wipes it. @throws CANCELLED */
  askHidden(question: string): Promise<Buffer>;
  /** Takes what was shown off the screen, the lines that were scrolled away too. */
  clear(): void;
}

const TRIES_MAX = 3;

/** Asks a new custodian for name and password. */
export async function enrolAtDesk(
  desk: Desk,
  random: (bytes: number) => Buffer,
  taken: readonly Custodian[],
): Promise<Custodian> {
  return tried(desk, async () => {
    const name = await desk.ask('姓名 name');
    if (taken.some((one) => one.name === name))
      throw new PosError('ALREADY_EXISTS', `custodian ${name} is enrolled`);
    const password = await desk.askHidden(
      '设定口令(至少 12 个字符) choose a password, 12 characters at least',
    );
    const again = await desk.askHidden('再输一次 the same again');
    try {
      if (!password.equals(again)) throw new PosError('INPUT_BAD', '两次输入不同 the two differ');
      return await newCustodian(name, password, random);
    } finally {
      password.fill(0);
      again.fill(0);
    }
  });
}

/** A custodian proves who they are. @returns their name. @throws NOT_AUTHORISED, FOUR_EYES when named in `others` */
export async function authenticateAtDesk(
  desk: Desk,
  custodians: readonly Custodian[],
  others: readonly string[] = [],
): Promise<string> {
  return tried(desk, async () => {
    const name = await desk.ask('保管员姓名 custodian');
    const password = await desk.askHidden('口令 password');
    try {
      if (!(await isCustodian(custodians, name, password)))
        throw new PosError('NOT_AUTHORISED', 'no custodian of this name and password');
      if (others.includes(name))
        throw new PosError('FOUR_EYES', `${name} has agreed already: another one must`);
      return name;
    } finally {
      password.fill(0);
    }
  });
}

/**
 * Holds a ceremony from the first custodian to the accepted key.
 *
 * @returns the key, which the caller wipes, its check value and who entered components
 * @throws CANCELLED, NOT_AUTHORISED …: whatever it is, all that was entered is wiped and the log says so
 */
export async function holdCeremony(
  desk: Desk,
  options: CeremonyOptions,
): Promise<{ readonly key: Buffer; readonly checkValue: string; readonly custodians: readonly string[] }> {
  const ceremony = new Ceremony(options);
  try {
    for (let number = 1; number <= options.count; number += 1) {
      desk.say(`── 分量 component ${number}/${options.count} · ${options.subject}`);
      await tried(desk, () => admit(desk, ceremony));
      await enterComponent(desk, ceremony);
      desk.clear();
    }
    const checkValue = await ceremony.combine();
    desk.say(`密钥校验值 check value of the key: ${checkValue}`);
    const answer = await desk.ask('全体保管员确认并记录 all custodians agree and write it down (yes/no)');
    if (answer !== 'yes') throw new PosError('CANCELLED', 'the custodians did not agree');
    return { key: await ceremony.accept(), checkValue, custodians: ceremony.custodians };
  } catch (error) {
    await ceremony.abort(error instanceof PosError ? error.code : 'unknown');
    desk.say('仪式已中止,输入已清除 the ceremony was aborted; what was entered is wiped');
    throw error;
  }
}

async function admit(desk: Desk, ceremony: Ceremony): Promise<void> {
  const name = await desk.ask('保管员姓名 custodian');
  const password = await desk.askHidden('口令 password');
  try {
    await ceremony.admit(name, password);
  } finally {
    password.fill(0);
  }
}

async function enterComponent(desk: Desk, ceremony: Ceremony): Promise<void> {
  for (;;) {
    const shown = await tried(desk, async () =>
      ceremony.enter(await desk.askHidden('分量(十六进制,不回显) component in hexadecimal, not shown')),
    );
    desk.say(`分量校验值 check value of the component: ${shown}`);
    if ((await desk.ask('与您的记录一致? as on your record? (yes/no)')) === 'yes') break;
    await ceremony.reject();
  }
  await ceremony.confirm();
}

/** What is refused is told and asked again, three times at most. Whoever cancels is not asked again. */
async function tried<T>(desk: Desk, act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof PosError) || error.code === 'CANCELLED' || tries === TRIES_MAX) throw error;
      desk.say(`✗ ${error.code}: ${error.detail}`);
    }
  }
}
