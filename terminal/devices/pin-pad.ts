/**
 * The PIN pad. It holds the keys: what comes back is check values, MACs and an encrypted PIN block;
 * neither a clear PIN nor a clear key ever enters this process.
 */
import iconv from 'iconv-lite';
import type { KeyMode, MacAlgorithm } from '../../keys/index.ts';
import { type FailureCode, PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import type { DeviceLink } from './device-link.ts';
import { PadExchange } from './pad-exchange.ts';
import { PAD_KEYS, PAD_MACS, PAD_STATES, type PadCommandName } from './pin-pad-commands.ts';
import type { PadFrame } from './pin-pad-frame.ts';
import type { DeviceState, PadKey, PinPad, PinPadStatus } from './ports.ts';

const MAC_BYTES = 8;
/** Format 0 under 3DES; the dialect's `PB` block under SM4. */
const PIN_BLOCK_BYTES = [8, 16];
const DISPLAY_LINES = 4;
const RANDOM_BYTES_MAX = 255;
const CHECK_VALUE_BYTES = 3;
const NONCE_BYTES = 16;
/** What the pad answers to a MAC check, by its one byte. */
const MAC_KEYS = ['none', 'current', 'previous'] as const;

export class SerialPinPad implements PinPad {
  readonly #link: DeviceLink;
  readonly #exchange: PadExchange;
  readonly #keyListeners: ((key: PadKey) => void)[] = [];
  #macCheckValue: string | null = null;

  constructor(link: DeviceLink, clock: Clock) {
    this.#link = link;
    this.#exchange = new PadExchange(
      {
        write: (bytes) => link.write(bytes),
        event: (frame) => this.#keyPressed(frame),
        trouble: (text) => link.fault(`故障 FAULT: ${text}`),
      },
      clock,
    );
    link.onData((chunk) => this.#exchange.feed(chunk));
    link.onLost((error) => this.#exchange.failAll(error));
  }

  state(): DeviceState {
    return this.#link.state;
  }

  onKey(listener: (key: PadKey) => void): void {
    this.#keyListeners.push(listener);
  }

  /** The link's probe: does it talk our protocol, and does it still hold the keys it held before? */
  async probe(): Promise<string | null> {
    const { macCheckValue } = readStatus(await this.#idleStatus());
    const before = this.#macCheckValue;
    this.#macCheckValue = macCheckValue;
    const isLost = before !== null && before !== macCheckValue;
    return isLost ? '密钥已变,请签到 KEYS CHANGED, SIGN IN' : null;
  }

  async status(): Promise<PinPadStatus> {
    const status = readStatus(await this.#ask('status', Buffer.alloc(0)));
    this.#macCheckValue = status.macCheckValue;
    return status;
  }

  async loadWorkingKeys(
    mode: KeyMode,
    de62: string,
    macAlgorithm: MacAlgorithm = 'unionpay-ecb',
  ): Promise<void> {
    const how = [Buffer.from(mode, 'ascii'), Buffer.of(PAD_MACS[macAlgorithm])];
    await this.#ask('loadKeys', Buffer.concat([...how, Buffer.from(de62, 'hex')]));
    await this.status();
  }

  async mac(data: Buffer): Promise<Buffer> {
    return exactly(MAC_BYTES, await this.#ask('mac', data));
  }

  async whichMac(data: Buffer, mac: Buffer): Promise<'current' | 'previous' | 'none'> {
    // The pad reads the MAC as the first eight bytes: another length would shift the data.
    if (mac.length !== MAC_BYTES) return 'none';
    const [which = 0xff] = exactly(1, await this.#ask('verifyMac', Buffer.concat([mac, data])));
    const key = MAC_KEYS[which];
    if (key === undefined) throw garbage(`MAC key ${which}`);
    return key;
  }

  async verifyMac(data: Buffer, mac: Buffer): Promise<boolean> {
    return (await this.whichMac(data, mac)) !== 'none';
  }

  async enterPin(options: {
    readonly pan: string;
    readonly amountText: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  }): Promise<Buffer | 'bypassed'> {
    const { pan, amountText, timeoutMs, signal } = options;
    if (signal.aborted) throw new PosError('CANCELLED', 'before the PIN entry');
    const seconds = Buffer.alloc(2);
    seconds.writeUInt16BE(Math.min(0xffff, Math.ceil(timeoutMs / 1000)));
    const request = Buffer.concat([
      seconds,
      counted(Buffer.from(pan, 'ascii')),
      counted(gb18030(amountText)),
    ]);
    await this.#link.needLine();
    // The pad's own answer ends the entry; the cancel only asks for it.
    const abort = () => void this.cancel().catch(() => undefined);
    signal.addEventListener('abort', abort);
    try {
      const running = this.#link.whileBusy(() => this.#exchange.run('enterPin', request, timeoutMs));
      if (signal.aborted) abort();
      const { state, payload } = await running;
      if (state === PAD_STATES.bypassed) return 'bypassed';
      if (!PIN_BLOCK_BYTES.includes(payload.length)) throw garbage(`a PIN block of ${payload.length} bytes`);
      return payload;
    } catch (error) {
      // It may still be asking, and would refuse everything else until the holder's time is over.
      if (hasCode(error, 'DEVICE_SILENT') || hasCode(error, 'DEVICE_GARBAGE')) {
        await this.cancel().catch(() => undefined);
      }
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async encryptTrack(de35: string): Promise<string> {
    const clear = Buffer.from(de35, 'ascii');
    try {
      return exactly(de35.length, await this.#ask('encryptTrack', clear)).toString('ascii');
    } finally {
      clear.fill(0);
    }
  }

  async seal(clear: Buffer): Promise<string> {
    return (await this.#ask('seal', clear)).toString('ascii');
  }

  unseal(sealed: string): Promise<Buffer> {
    return this.#ask('unseal', Buffer.from(sealed, 'ascii'));
  }

  async random(count: number): Promise<Buffer> {
    if (!Number.isInteger(count) || count < 1 || count > RANDOM_BYTES_MAX) {
      throw new PosError('INPUT_BAD', `1 to ${RANDOM_BYTES_MAX} random bytes, not ${count}`);
    }
    return exactly(count, await this.#ask('random', Buffer.from([count])));
  }

  async askKey(): Promise<string | null> {
    try {
      const answer = exactly(CHECK_VALUE_BYTES + NONCE_BYTES, await this.#ask('askKey', Buffer.alloc(0)));
      return answer.toString('hex').toUpperCase();
    } catch (error) {
      if (hasCode(error, 'DEVICE_REFUSED') || hasCode(error, 'KEY_UNKNOWN')) return null;
      throw error;
    }
  }

  async loadKey(packed: Buffer): Promise<void> {
    await this.#ask('loadKey', packed);
  }

  async display(lines: readonly string[]): Promise<void> {
    await this.#ask('display', gb18030(lines.slice(0, DISPLAY_LINES).join('\n')));
  }

  async cancel(): Promise<void> {
    await this.#link.needLine();
    await this.#exchange.run('cancel', Buffer.alloc(0));
  }

  /** A pad with a supply of its own may still be asking for the PIN of the terminal's last life. */
  async #idleStatus(): Promise<Buffer> {
    const status = () => this.#exchange.run('status', Buffer.alloc(0));
    try {
      return (await status()).payload;
    } catch (error) {
      if (!hasCode(error, 'DEVICE_BUSY')) throw error;
      await this.#exchange.run('cancel', Buffer.alloc(0));
      return (await status()).payload;
    }
  }

  async #ask(command: PadCommandName, payload: Buffer): Promise<Buffer> {
    await this.#link.needLine();
    const { payload: answer } = await this.#link.whileBusy(() => this.#exchange.run(command, payload));
    return answer;
  }

  #keyPressed(frame: PadFrame): void {
    for (const [key, code] of Object.entries(PAD_KEYS)) {
      if (code !== frame.data[1]) continue;
      for (const listener of this.#keyListeners) listener(key as PadKey);
    }
  }
}

/** Version, then the check values of TMK, MAK and PIK; each as length and text, an empty one means no key. */
function readStatus(payload: Buffer): PinPadStatus {
  const texts: string[] = [];
  let at = 0;
  while (at < payload.length) {
    const length = payload.readUInt8(at);
    texts.push(payload.subarray(at + 1, at + 1 + length).toString('ascii'));
    at += 1 + length;
  }
  const [version, tmk, mak, pik] = texts;
  if (texts.length !== 4 || at !== payload.length || version === undefined) throw garbage('status');
  return {
    version,
    tmkCheckValue: tmk || null,
    macCheckValue: mak || null,
    pinCheckValue: pik || null,
  };
}

function hasCode(error: unknown, code: FailureCode): boolean {
  return error instanceof PosError && error.code === code;
}

function exactly(count: number, bytes: Buffer): Buffer {
  if (bytes.length !== count) throw garbage(`${bytes.length} bytes where ${count} belong`);
  return bytes;
}

function garbage(what: string): PosError {
  return new PosError('DEVICE_GARBAGE', `密码键盘 PIN pad: ${what}`);
}

function counted(bytes: Buffer): Buffer {
  if (bytes.length > 255) throw new PosError('INPUT_BAD', `a text of ${bytes.length} bytes for the PIN pad`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function gb18030(text: string): Buffer {
  return iconv.encode(text, 'gb18030');
}
