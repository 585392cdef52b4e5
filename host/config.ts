/**
 * The host's settings: one table, read from a JSON file and the environment (which wins). A value that
 * does not fit names file, line, setting and what is allowed, and nothing is started.
 */
import { isBusinessDate, PosError } from '../protocol/index.ts';
import { type JsonPlace, readJsonObject } from './config-file.ts';
import { serverUrls } from './store/postgres/server-urls.ts';
import { DEPTHS } from './store/soundness.ts';

/** What a setting may be. Numbers are written as `30` or with their unit, `"30 s"`; another unit is refused. */
type Kind =
  | { readonly kind: 'number'; readonly unit: string; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'text'; readonly allowed: string; readonly fits: (text: string) => boolean };

export type Setting = Kind & {
  /** The environment variable. */
  readonly env: string;
  readonly fallback: string | number;
  /** Never shown, and not taken from the file. */
  readonly secret?: true;
  readonly zh: string;
  readonly en: string;
};

const anyPath = (text: string) => text.length <= 4096 && !text.includes('\0');
const somePath = (text: string) => text !== '' && anyPath(text);
const address = (text: string) => /^[0-9A-Fa-f.:]{2,45}$|^[A-Za-z0-9.-]{1,253}$/.test(text);

// biome-ignore format: a table is read by column
export const HOST_SETTINGS = {
  dataFolder:             { env: 'ZUNKA_DATA_FOLDER',              kind: 'text',   fallback: 'data',      allowed: '路径 a path',                                  fits: somePath, zh: '数据目录:数据库、密钥文件、结算文件、管理令牌', en: 'database, key file, settlement files, admin tokens' },
  acquirerAddress:        { env: 'ZUNKA_ACQUIRER_ADDRESS',         kind: 'text',   fallback: '127.0.0.1', allowed: '本机地址 an address of this machine',          fits: address,  zh: '收单监听地址;终端从网络接入时设为 0.0.0.0',    en: 'where terminals connect; 0.0.0.0 to serve the network' },
  acquirerPort:           { env: 'ZUNKA_ACQUIRER_PORT',            kind: 'number', fallback: 8583,        unit: 'port',  min: 0,   max: 65_535,                 zh: '收单端口;0 由系统选取',                          en: 'terminals; 0 takes any free one' },
  tlsPort:                { env: 'ZUNKA_TLS_PORT',                 kind: 'number', fallback: 0,           unit: 'port',  min: 0,   max: 65_535,                 zh: 'TLS 端口(双向证书);0 不开放',                    en: 'terminals over TLS 1.2 or 1.3, with certificates on both ends; 0: none' },
  adminPort:              { env: 'ZUNKA_ADMIN_PORT',               kind: 'number', fallback: 8584,        unit: 'port',  min: 0,   max: 65_535,                 zh: '管理端口,只在本机 127.0.0.1;0 由系统选取',       en: 'administration, on 127.0.0.1 only; 0 takes any free one' },
  connectionsMax:         { env: 'ZUNKA_CONNECTIONS_MAX',          kind: 'number', fallback: 1000,        unit: 'connections', min: 1, max: 50_000,             zh: '同时连接的终端数上限',                           en: 'terminals connected at once' },
  frameBytesMax:          { env: 'ZUNKA_FRAME_BYTES_MAX',          kind: 'number', fallback: 2048,        unit: 'bytes', min: 256, max: 65_535,                 zh: '报文最大长度',                                   en: 'longest message' },
  idleTimeoutSeconds:     { env: 'ZUNKA_IDLE_TIMEOUT_SECONDS',     kind: 'number', fallback: 30,          unit: 's',     min: 5,   max: 600,                    zh: '半个报文的等待时间',                             en: 'how long half a frame is waited for' },
  silenceTimeoutSeconds:  { env: 'ZUNKA_SILENCE_TIMEOUT_SECONDS',  kind: 'number', fallback: 600,         unit: 's',     min: 30,  max: 86_400,                 zh: '无报文连接的保持时间',                           en: 'how long a silent connection is kept' },
  stopGraceSeconds:       { env: 'ZUNKA_STOP_GRACE_SECONDS',       kind: 'number', fallback: 10,          unit: 's',     min: 1,   max: 120,                    zh: '停机时等待在途交易的时间',                       en: 'how long a stop waits for what is in flight' },
  stopDelaySeconds:       { env: 'ZUNKA_STOP_DELAY_SECONDS',       kind: 'number', fallback: 0,           unit: 's',     min: 0,   max: 60,                     zh: '停机时先报未就绪、再拒绝新连接的间隔',           en: 'how long a stopping host says that it is not ready before it refuses connections' },
  stream:                 { env: 'ZUNKA_STREAM',                   kind: 'text',   fallback: '01',        allowed: '两位数字 two digits',                          fits: (text) => /^\d\d$/.test(text), zh: '主机进程号:参考号前两位,审计日志流', en: 'this process: first digits of DE37, journal stream' },
  initialBusinessDate:    { env: 'ZUNKA_INITIAL_BUSINESS_DATE',    kind: 'text',   fallback: '',          allowed: 'YYYYMMDD;空 = 今天 empty: today',             fits: (text) => text === '' || isBusinessDate(text), zh: '首次启动的营业日', en: 'business date of the very first start' },
  vaultPassphraseFile:    { env: 'ZUNKA_VAULT_PASSPHRASE_FILE',    kind: 'text',   fallback: '',          allowed: '路径 a path;空 = 数据目录 empty: data folder', fits: anyPath,  zh: '密钥文件口令所在文件',                           en: 'file that holds the passphrase of the key file' },
  vaultPassphrase:        { env: 'ZUNKA_VAULT_PASSPHRASE',         kind: 'text',   fallback: '',          allowed: '至少 12 个字符 at least 12 characters',        fits: (text) => text === '' || text.length >= 12, secret: true, zh: '密钥文件口令;只从环境变量读取', en: 'passphrase of the key file; from the environment only' },
  vault:                  { env: 'ZUNKA_VAULT',                    kind: 'choice', fallback: 'soft',      choices: ['soft', 'pkcs11'],                             zh: '密钥库:soft 为数据目录中的密钥文件,pkcs11 为加密机令牌', en: 'where keys are: soft, the key file in the data folder; pkcs11, a token' },
  pkcs11Library:          { env: 'ZUNKA_PKCS11_LIBRARY',           kind: 'text',   fallback: '',          allowed: '路径 a path',                                  fits: anyPath,  zh: 'PKCS#11 库文件',                                 en: 'library of the token' },
  pkcs11Token:            { env: 'ZUNKA_PKCS11_TOKEN',             kind: 'text',   fallback: '',          allowed: '至多 32 个字符 up to 32 characters',           fits: (text) => text.length <= 32, zh: '令牌标签',                     en: 'label of the token' },
  pkcs11PinFile:          { env: 'ZUNKA_PKCS11_PIN_FILE',          kind: 'text',   fallback: '',          allowed: '路径 a path',                                  fits: anyPath,  zh: '令牌用户口令所在文件',                           en: 'file that holds the PIN of the token\'s user' },
  pkcs11Pin:              { env: 'ZUNKA_PKCS11_PIN',               kind: 'text',   fallback: '',          allowed: '至少 4 个字符 at least 4 characters',          fits: (text) => text === '' || text.length >= 4, secret: true, zh: '令牌用户口令;只从环境变量读取', en: 'PIN of the token\'s user; from the environment only' },
  testMode:               { env: 'ZUNKA_TEST_MODE',                kind: 'choice', fallback: 'off',       choices: ['off', 'on'],                                  zh: '测试主机:接受公开的测试密钥,应答报文头第 5 位为 1,只接受测试终端签到', en: 'a host for tests: published keys are taken, header digit 5 of every answer is 1; terminals refuse it unless they test too' },
  storeUrl:               { env: 'STORE_URL',                      kind: 'text',   fallback: '',          allowed: 'postgres://user:password@host:port[,host:port]/database,口令中的 @ / ? 写作 %40 %2F %3F;空 = 数据目录中的 SQLite @ / ? in a password are written %40 %2F %3F; empty: SQLite in the data folder', fits: (text) => text === '' || serverUrls(text) !== null, secret: true, zh: 'PostgreSQL 数据库,多台主机共用;只从环境变量读取', en: 'PostgreSQL, for any number of hosts; from the environment only' },
  databaseCheck:          { env: 'ZUNKA_DATABASE_CHECK',           kind: 'choice', fallback: 'auto',      choices: ['auto', ...DEPTHS],                            zh: '启动时检查数据库:每 100 MB pages 约 1 秒,full 约 6 秒;journal 只查日志末尾;auto 在 512 MB 以内为 pages,以上为 journal', en: 'check at the start: per 100 MB, pages takes 1 s, full 6 s; journal: the end of the journal only; auto: pages up to 512 MB, journal above' },
  databaseCacheMiB:       { env: 'ZUNKA_DATABASE_CACHE_MIB',       kind: 'number', fallback: 64,          unit: 'MiB',   min: 1,   max: 65_536,                 zh: 'SQLite 页缓存上限:主机内存先涨到此值再持平',      en: 'pages that SQLite keeps at most: the host grows by this much before it stays level' },
  logLevel:               { env: 'ZUNKA_LOG_LEVEL',                kind: 'choice', fallback: 'info',      choices: ['debug', 'info', 'warn', 'error', 'silent'],   zh: '日志级别', en: 'what is logged' },
  logFile:                { env: 'ZUNKA_LOG_FILE',                 kind: 'text',   fallback: '',          allowed: '路径 a path;空 = 标准输出 empty: standard output', fits: anyPath, zh: '日志文件', en: 'where the log goes' },
} as const satisfies Record<string, Setting>;

type Settings = typeof HOST_SETTINGS;
export type HostSettingName = keyof Settings;

/** All settings with their values. `vaultPassphrase` and `pkcs11Pin` are secrets: the object is never logged. */
export type HostConfig = {
  readonly [Name in HostSettingName]: Settings[Name]['kind'] extends 'number' ? number : string;
};

/** Every setting at its default. */
export const HOST_DEFAULTS: HostConfig = Object.freeze(
  Object.fromEntries(names().map((name) => [name, HOST_SETTINGS[name].fallback])) as unknown as HostConfig,
);

/**
 * Reads the settings.
 *
 * @param source.file the text of a JSON object and the name to show for it
 *
 * Throws CONFIG_BAD with one line for each thing that is wrong; nothing is taken then.
 */
export function readHostConfig(source: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly name: string; readonly text: string };
}): HostConfig {
  const complaints: string[] = [];
  const values: Record<string, string | number> = { ...HOST_DEFAULTS };
  const take = (name: HostSettingName, written: unknown, place: string) => {
    const judged = judge(HOST_SETTINGS[name], written);
    if (judged.ok) values[name] = judged.value;
    else complaints.push(`${place} ${name}: ${judged.complaint}`);
  };
  for (const [name, value, place] of fileValues(source.file, complaints)) take(name, value, place);
  for (const name of names()) {
    const { env } = HOST_SETTINGS[name];
    const written = source.env[env];
    if (written !== undefined) take(name, written, `环境变量 environment ${env}`);
  }
  if (complaints.length > 0) throw new PosError('CONFIG_BAD', complaints.join('\n'));
  return values as unknown as HostConfig;
}

function fileValues(
  file: { readonly name: string; readonly text: string } | undefined,
  complaints: string[],
): (readonly [HostSettingName, unknown, string])[] {
  if (file === undefined) return [];
  const found: [HostSettingName, unknown, string][] = [];
  const object = readJsonObject(file.text);
  for (const problem of object.problems) complaints.push(`${placeOf(file.name, problem)} ${problem.what}`);
  for (const { name, value, line } of object.members) {
    const place = placeOf(file.name, { line });
    if (!isSetting(name)) complaints.push(`${place} ${name}: 无此设置 no such setting${nearest(name)}`);
    else if (isSecret(name))
      complaints.push(
        `${place} ${name}: 口令不可写入文件 may not rest in a file; use ${HOST_SETTINGS[name].env}`,
      );
    else found.push([name, value, place]);
  }
  return found;
}

function placeOf(file: string, { line }: Pick<JsonPlace, 'line'>): string {
  return `${file}:${line}`;
}

type Judged =
  | { readonly ok: true; readonly value: string | number }
  | { readonly ok: false; readonly complaint: string };

function judge(setting: Setting, written: unknown): Judged {
  const shown = setting.secret ? '(不显示 not shown)' : JSON.stringify(written)?.slice(0, 60);
  const refused = (why: string): Judged => ({
    ok: false,
    complaint: `${shown ?? '?'} ${why};允许 allowed: ${allowedOf(setting)}`,
  });
  if (setting.kind === 'number') return judgeNumber(setting, written, refused);
  if (typeof written !== 'string') return refused('应为文字 must be text');
  const fits = setting.kind === 'choice' ? setting.choices.includes(written) : setting.fits(written);
  return fits ? { ok: true, value: written } : refused('不可用 does not fit');
}

function judgeNumber(
  setting: Extract<Setting, { kind: 'number' }>,
  written: unknown,
  refused: (why: string) => Judged,
): Judged {
  const parts = /^(-?\d+(?:\.\d+)?)\s*([^\d\s].*)?$/.exec(String(written).trim());
  if (parts === null || (typeof written !== 'number' && typeof written !== 'string')) {
    return refused('不是数字 is no number');
  }
  const [, digits, unit] = parts;
  if (unit !== undefined && unit !== setting.unit)
    return refused(`单位应为 the unit must be ${setting.unit}`);
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) return refused('应为整数 must be a whole number');
  if (value < setting.min || value > setting.max) return refused('超出范围 is out of range');
  return { ok: true, value };
}

/** The allowed range as a person reads it. */
export function allowedOf(setting: Setting): string {
  if (setting.kind === 'number') return `${setting.min} … ${setting.max} ${setting.unit}`;
  return setting.kind === 'choice' ? setting.choices.join(' | ') : setting.allowed;
}

/** The settings as a table for the README. */
export function hostSettingsTable(): string {
  const rows = names().map((name) => {
    const setting: Setting = HOST_SETTINGS[name];
    const unit = setting.kind === 'number' ? setting.unit : '';
    const fallback = setting.fallback === '' ? '' : `\`${setting.fallback}\``;
    const allowed = allowedOf(setting).replaceAll('|', '\\|');
    return `| \`${name}\` | \`${setting.env}\` | ${unit} | ${fallback} | ${allowed} | ${setting.zh} · ${setting.en} |`;
  });
  return [
    '| 设置 setting | 环境变量 environment | 单位 unit | 默认 default | 允许 allowed | 含义 meaning |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function names(): HostSettingName[] {
  return Object.keys(HOST_SETTINGS) as HostSettingName[];
}

function isSetting(name: string): name is HostSettingName {
  return Object.hasOwn(HOST_SETTINGS, name);
}

function isSecret(name: HostSettingName): boolean {
  const setting: Setting = HOST_SETTINGS[name];
  return setting.secret === true;
}

/** A hint for a misspelt name: the same letters, or the same beginning. */
function nearest(name: string): string {
  const bare = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, '');
  const meant = names().find(
    (known) => bare(known) === bare(name) || bare(known).startsWith(bare(name).slice(0, 6)),
  );
  return meant === undefined ? '' : `,是否指 did you mean ${meant}?`;
}
