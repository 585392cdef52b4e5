/** Every setting of the terminal, one row each; read from a JSON file and the environment. */
import { MAC_ALGORITHMS } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';

interface NumberSetting {
  readonly type: 'number';
  readonly unit: 's' | 'ms' | 'min' | 'h' | 'count' | 'port' | 'baud';
  readonly preset: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

interface TextSetting {
  readonly type: 'text';
  /** null: it must be set. */
  readonly preset: string | null;
  readonly pattern: RegExp;
  /** What the pattern asks for, in words. */
  readonly form: string;
  readonly meaning: string;
}

interface SwitchSetting {
  readonly type: 'switch';
  readonly preset: boolean;
  readonly meaning: string;
}

interface ChoiceSetting {
  readonly type: 'choice';
  readonly preset: string;
  readonly values: readonly string[];
  readonly meaning: string;
}

type Setting = NumberSetting | TextSetting | SwitchSetting | ChoiceSetting;

// biome-ignore format: a table is read by column
export const SETTINGS = {
  terminalId:              { type: 'text',   preset: null, pattern: /^[0-9A-Za-z ]{8}$/,  form: '8 letters or digits',  meaning: 'DE41' },
  merchantId:              { type: 'text',   preset: null, pattern: /^[0-9A-Za-z ]{15}$/, form: '15 letters or digits', meaning: 'DE42' },
  merchantName:            { type: 'text',   preset: '尊卡商户 ZUNKA MERCHANT', pattern: /^.{1,40}$/u, form: '1 to 40 characters', meaning: 'head of every slip' },
  issuerName:              { type: 'text',   preset: '尊卡 ZUNKA', pattern: /^.{1,20}$/u, form: '1 to 20 characters', meaning: 'issuer on slips' },
  acquirerName:            { type: 'text',   preset: '尊卡 ZUNKA', pattern: /^.{1,20}$/u, form: '1 to 20 characters', meaning: 'acquirer on slips' },
  hostAddress:             { type: 'text',   preset: '127.0.0.1', pattern: /^[0-9A-Za-z.:-]{1,253}$/, form: 'a host name or address', meaning: 'where the acquirer listens' },
  hostPort:                { type: 'number', unit: 'port',  preset: 8583, min: 1, max: 65535, meaning: 'its TCP port' },
  hostTls:                 { type: 'switch', preset: false, meaning: 'TLS to the host, with certificates on both ends; hostPort is then its TLS port' },
  tlsFolder:               { type: 'text',   preset: 'out/terminal/tls', pattern: /^.{1,400}$/u, form: 'a path', meaning: 'where key.pem, certificate.pem and authority.pem are; see --request-certificate' },
  tpdu:                    { type: 'text',   preset: '6000030000', pattern: /^60\d{8}$/, form: '60 and 8 digits', meaning: 'TPDU of requests' },
  header:                  { type: 'text',   preset: '603100311000', pattern: /^\d{12}$/, form: '12 digits', meaning: 'message header of requests' },
  keyMode:                 { type: 'choice', preset: '003', values: ['003', '004', '005'], meaning: 'working keys that a sign-in asks for: 003 for PIN and MAC, 3DES; 004 and for tracks; 005 the same in SM4' },
  macAlgorithm:            { type: 'choice', preset: 'unionpay-ecb', values: MAC_ALGORITHMS, meaning: 'DE64, as the host has it for this terminal; the others are for networks of one\'s own' },
  testMode:                { type: 'switch', preset: false, meaning: 'header digit 5 is 1 and slips say that they are worth nothing' },
  connectTimeoutSeconds:   { type: 'number', unit: 's',     preset: 10,  min: 1,  max: 60,   meaning: 'to reach the host; nothing was sent' },
  answerTimeoutSeconds:    { type: 'number', unit: 's',     preset: 60,  min: 1,  max: 180,  meaning: 'to wait for an answer; then silence is the answer' },
  cardTimeoutSeconds:      { type: 'number', unit: 's',     preset: 60,  min: 5,  max: 300,  meaning: 'to wait for the swipe' },
  pinTimeoutSeconds:       { type: 'number', unit: 's',     preset: 60,  min: 5,  max: 300,  meaning: 'to wait for the PIN' },
  reversalTries:           { type: 'number', unit: 'count', preset: 3,   min: 1,  max: 10,   meaning: 'tries before an operator must decide' },
  afterReversalTries:      { type: 'choice', preset: 'ask', values: ['ask', 'goOn'], meaning: 'when they are used up: ask, nothing is sold until a supervisor decides; goOn, other cards go on' },
  repeatTries:             { type: 'number', unit: 'count', preset: 3,   min: 1,  max: 10,   meaning: 'tries of a repeat before a settlement' },
  repeatFreshHours:        { type: 'number', unit: 'h',     preset: 24,  min: 1,  max: 720,  meaning: 'a repeat first sent longer ago goes out only after a supervisor said that it is still owed' },
  speaksDe57:              { type: 'switch', preset: true,  meaning: 'sends V1 at sign-in, and our DE57 items when the host answers with V1' },
  remoteKeys:              { type: 'switch', preset: false, meaning: 'the PIN pad gets its master key from the host at sign-in, and a new one when the host changes it' },
  keyedEntry:              { type: 'switch', preset: false, meaning: 'a card number may be typed' },
  cardForCompletion:       { type: 'switch', preset: true,  meaning: 'completion and pre-authorisation void ask for the card' },
  slipCopies:              { type: 'number', unit: 'count', preset: 2,   min: 1,  max: 3,    meaning: '1 merchant; 2 and cardholder; 3 and bank' },
  batchAsk:                { type: 'number', unit: 'count', preset: 900, min: 1,  max: 999,  meaning: 'transactions after which settlement is asked for; the 1000th is refused' },
  endMessageWhenBalanced:  { type: 'switch', preset: false, meaning: 'a 0320 with 207 follows a balanced 0510' },
  passwordTries:           { type: 'number', unit: 'count', preset: 3,   min: 1,  max: 10,   meaning: 'wrong passwords in a row before an operator is locked' },
  passwordLockMinutes:     { type: 'number', unit: 'min',   preset: 10,  min: 1,  max: 1440, meaning: 'how long the lock lasts' },
  tillPort:                { type: 'number', unit: 'port',  preset: 0,   min: 0,  max: 65535, meaning: 'where tills ask over HTTP; 0: no till' },
  tillAddress:             { type: 'text',   preset: '127.0.0.1', pattern: /^[0-9A-Za-z.:-]{1,253}$/, form: 'an address of this machine', meaning: 'where it listens for them; beyond loopback tillToken must be set' },
  tillToken:               { type: 'text',   preset: '', pattern: /^([!-~]{32,200})?$/, form: '32 to 200 characters without spaces', meaning: 'tills show it as Authorization: Bearer …; none: programs of this machine only' },
  journalDirectory:        { type: 'text',   preset: 'out/terminal/journal', pattern: /^.{1,400}$/u, form: 'a path', meaning: 'where the journal is' },
  readerPort:              { type: 'text',   preset: 'out/devices/reader',  pattern: /^.{1,400}$/u, form: 'a path', meaning: 'serial line of the card reader' },
  pinPadPort:              { type: 'text',   preset: 'out/devices/pinpad',  pattern: /^.{1,400}$/u, form: 'a path', meaning: 'serial line of the PIN pad' },
  printerPort:             { type: 'text',   preset: 'out/devices/printer', pattern: /^.{1,400}$/u, form: 'a path', meaning: 'serial line of the printer' },
  deviceBaud:              { type: 'number', unit: 'baud',  preset: 9600, min: 1200, max: 115200, meaning: 'speed of the three lines' },
  supervisorPassword:      { type: 'text',   preset: '', pattern: /^(\d{4,12})?$/, form: '4 to 12 digits', meaning: 'first start only: password of 00' },
  systemPassword:          { type: 'text',   preset: '', pattern: /^(\d{4,12})?$/, form: '4 to 12 digits', meaning: 'first start only: password of 99' },
} as const satisfies Record<string, Setting>;

type Settings = typeof SETTINGS;
type ValueOf<S> = S extends { type: 'number' }
  ? number
  : S extends { type: 'switch' }
    ? boolean
    : S extends { type: 'choice'; values: readonly (infer Value)[] }
      ? Value
      : string;

export type TerminalConfig = { readonly [Name in keyof Settings]: ValueOf<Settings[Name]> };

/** The part of a setting's environment variable that follows the prefix: hostPort → HOST_PORT. */
function environmentName(setting: string): string {
  return `ZUNKA_TERMINAL_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * The settings from the text of a JSON file, the environment over it, the defaults under it.
 *
 * A number may carry its unit ("60 s"); another unit than the table's is refused, never converted.
 *
 * @param file its name for messages; null when there is no file
 * @throws CONFIG_BAD naming file, line, setting and allowed range
 */
export function readTerminalConfig(
  file: { readonly name: string; readonly text: string } | null,
  environment: Readonly<Record<string, string | undefined>>,
): TerminalConfig {
  const fromFile = file === null ? {} : parseFile(file);
  for (const name of Object.keys(fromFile)) {
    if (name in SETTINGS) continue;
    throw bad(`${place(file, name)}: there is no such setting (see terminal/README.md)`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const variable = environmentName(name);
    const fromEnvironment = environment[variable];
    if (fromEnvironment !== undefined)
      values[name] = checked(setting, fromEnvironment, `environment ${variable}`);
    else if (name in fromFile) values[name] = checked(setting, fromFile[name], place(file, name));
    else if (setting.preset !== null) values[name] = setting.preset;
    else throw bad(`${name} is not set: ${allowed(setting)}; put it into the file or into ${variable}`);
  }
  return values as unknown as TerminalConfig;
}

/** Completes and checks settings given by a program. @throws CONFIG_BAD */
export function terminalConfig(given: Partial<TerminalConfig>): TerminalConfig {
  return readTerminalConfig({ name: 'settings', text: JSON.stringify(given, null, 1) }, {});
}

function parseFile(file: { name: string; text: string }): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(file.text);
  } catch (error) {
    const position = Number(/position (\d+)/.exec(String(error))?.[1] ?? 0);
    throw bad(`${file.name} line ${lineAt(file.text, position)}: not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(`${file.name} line 1: an object of settings is expected`);
  }
  return value as Record<string, unknown>;
}

function place(file: { name: string; text: string } | null, setting: string): string {
  if (file === null) return setting;
  const at = file.text.indexOf(`${JSON.stringify(setting)}`);
  return `${file.name} line ${lineAt(file.text, Math.max(at, 0))}: ${setting}`;
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

function checked(setting: Setting, value: unknown, where: string): unknown {
  switch (setting.type) {
    case 'number':
      return checkedNumber(setting, value, where);
    case 'switch':
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      throw bad(`${where}: ${allowed(setting)}`);
    case 'choice':
      if (typeof value === 'string' && setting.values.includes(value)) return value;
      throw bad(`${where}: ${allowed(setting)}`);
    case 'text':
      if (typeof value === 'string' && setting.pattern.test(value)) return value;
      throw bad(`${where}: ${allowed(setting)}`);
  }
}

function checkedNumber(setting: NumberSetting, value: unknown, where: string): number {
  const match = /^(\d{1,9})\s*([A-Za-z]*)$/.exec(
    typeof value === 'number' ? String(value) : String(value).trim(),
  );
  const unit = match?.[2] ?? '';
  const number = Number(match?.[1]);
  if (match !== null && unit !== '' && unit !== setting.unit) {
    throw bad(`${where}: the unit is ${setting.unit}, not ${unit}; ${allowed(setting)}`);
  }
  if (match === null || number < setting.min || number > setting.max) {
    const shown = match === null ? 'not a whole number' : `${number} is outside`;
    throw bad(`${where}: ${shown}; ${allowed(setting)}`);
  }
  return number;
}

/** The allowed range of a setting in words. */
export function allowed(setting: Setting): string {
  switch (setting.type) {
    case 'number':
      return `allowed: ${setting.min} to ${setting.max} ${setting.unit}`;
    case 'switch':
      return 'allowed: true or false';
    case 'choice':
      return `allowed: ${setting.values.join(' or ')}`;
    case 'text':
      return `allowed: ${setting.form}`;
  }
}

function bad(detail: string): PosError {
  return new PosError('CONFIG_BAD', detail);
}

/** The settings as a Markdown table, for the README. */
export function terminalSettingsTable(): string {
  const rows = Object.entries<Setting>(SETTINGS).map(([name, setting]) => {
    const unit = setting.type === 'number' ? setting.unit : '–';
    const preset =
      setting.preset === null ? 'must be set' : setting.preset === '' ? 'none' : String(setting.preset);
    return `| \`${name}\` | ${unit} | ${preset} | ${allowed(setting).replace('allowed: ', '')} | ${setting.meaning} |`;
  });
  return ['| setting | unit | default | range | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}
