/**
 * A PIN pad with real keys: its own vault, its own display, keys pressed by code or by a person. What
 * leaves it on the line is what leaves a real one: check values, MACs, an encrypted PIN block.
 */
import iconv from 'iconv-lite';
import type { KeyAlgorithm, KeyMode, MacAlgorithm, Vault, WorkingKeys } from '../../keys/index.ts';
import { checkPan, type FailureCode, maskPan, PosError } from '../../protocol/index.ts';
import {
  type Clock,
  PAD_COMMANDS,
  PAD_KEYS,
  PAD_MACS,
  PAD_STATES,
  type PadKey,
} from '../../terminal/index.ts';
import type { DeviceLine } from './device-line.ts';
import { type BindingPort, PadKeys } from './pad-keys.ts';
import { type PadRequest, PadRequests, padAnswer } from './pad-wire.ts';
import { PinEntry } from './pin-entry.ts';

const VERSION = 'ZUNKA SIM PAD 1.0';
const IDLE = ['欢迎使用尊卡', 'WELCOME'];
const SEAL_CONTEXT = 'pin pad';

type StateName = keyof typeof PAD_STATES;

/** Working keys as they were loaded, with what the MAK is for. */
type LoadedKeys = WorkingKeys & { readonly macAlgorithm: MacAlgorithm };

const MAC_OF_CODE = new Map<number, MacAlgorithm>(
  Object.entries(PAD_MACS).map(([name, code]) => [code, name as MacAlgorithm]),
);

/** What the vault refuses, as the pad says it. */
const STATE_OF_FAILURE: Partial<Record<FailureCode, StateName>> = {
  KEY_CHECK_VALUE: 'checkValue',
  KEY_UNKNOWN: 'noKey',
  SEAL_BROKEN: 'unsealable',
  KEY_PACKAGE_BAD: 'badPackage',
  KEY_PACKAGE_REPLAYED: 'replayed',
};

export class SimulatedPinPad {
  readonly #line: DeviceLine;
  readonly #clock: Clock;
  readonly #vault: Vault;
  readonly #random: (bytes: number) => Buffer;
  /** Master keys, and the identity under which they come. */
  readonly padKeys: PadKeys;
  #requests = new PadRequests();
  #keys: LoadedKeys | undefined;
  #previous: Pick<LoadedKeys, 'mak' | 'macAlgorithm'> | undefined;
  #entry: PinEntry | undefined;
  /** Hands that wait for the pad to ask. */
  readonly #typists: { readonly digits: string; readonly typed: () => void }[] = [];
  #shown: readonly string[] = IDLE;
  #mode: 'well' | 'silent' | 'garbage' = 'well';

  constructor(options: {
    readonly line: DeviceLine;
    readonly vault: Vault;
    readonly random: (bytes: number) => Buffer;
    /** Runs the time limit of a PIN entry. */
    readonly clock: Clock;
    /** Keeps what the pad is bound to over a restart: then call `padKeys.resume`. */
    readonly binding?: BindingPort;
  }) {
    this.#line = options.line;
    this.#clock = options.clock;
    this.#vault = options.vault;
    this.#random = options.random;
    this.padKeys = new PadKeys(options);
    this.#line.onData((chunk) => {
      for (const request of this.#requests.push(chunk)) this.#serve(request);
    });
  }

  /** Key custodians at the pad itself: never over the line. Returns the check value to compare with the host's. */
  injectTmk(components: readonly Buffer[], algorithm: KeyAlgorithm = '3des', expected?: string): string {
    const { checkValue } = this.padKeys.inject(components, algorithm, expected);
    this.loseWorkingKeys();
    return checkValue;
  }

  /** A key-loading device in a key room brings it. Returns the check value that the pad found. */
  injectBlock(block: string, expected: string): string {
    const { checkValue } = this.padKeys.injectBlock(block, expected);
    this.loseWorkingKeys();
    return checkValue;
  }

  /** A reset: the working keys are gone; master key and storage key stay. */
  loseWorkingKeys(): void {
    this.losePower();
    this.#keys = undefined;
    this.#previous = undefined;
  }

  /** Another pad stands there, with this terminal's master key: what the old one sealed is closed for ever. */
  replace(components: readonly Buffer[], algorithm: KeyAlgorithm = '3des'): string {
    this.padKeys.renewStorage();
    return this.injectTmk(components, algorithm);
  }

  /** Four lines at most, as the cardholder sees them. */
  display(): readonly string[] {
    return this.#entry?.display() ?? this.#shown;
  }

  /** The cardholder types a PIN and confirms: now, or as soon as the pad asks for it. */
  typePin(digits: string): Promise<void> {
    return new Promise((resolve) => {
      this.#typists.push({ digits, typed: resolve });
      this.#type();
    });
  }

  /** The holder goes away: a PIN that the pad has not asked for yet is not typed any more. */
  walkAway(): void {
    for (const { typed } of this.#typists.splice(0)) typed();
  }

  /** One key. Digits count during PIN entry only; function keys outside it go to the terminal. */
  press(key: PadKey | `${number}`): void {
    if (this.#entry !== undefined) {
      this.#entry.press(key);
    } else if (key in PAD_KEYS) {
      this.#answer(PAD_COMMANDS.keyPressed.code, 'done', 0, Buffer.from([PAD_KEYS[key as PadKey]]));
    }
  }

  pressCancel(): void {
    this.press('cancel');
  }

  /** How it answers from now on: as it should, not at all, or with bytes that are no frame. */
  behave(mode: 'well' | 'silent' | 'garbage'): void {
    this.#mode = mode;
  }

  /** The entry is over and half a request forgotten; the keys have a battery. */
  losePower(): void {
    this.#entry?.abandon();
    this.#entry = undefined;
    this.#shown = IDLE;
    this.#requests = new PadRequests();
  }

  /** Its power comes through the cable. */
  async unplug(): Promise<void> {
    this.losePower();
    await this.#line.unplug();
  }

  plug(): Promise<void> {
    return this.#line.plug();
  }

  /** Ends timers and wipes the keys. */
  close(): void {
    this.#entry?.abandon();
    this.walkAway();
    this.#vault.close();
  }

  #serve(request: PadRequest): void {
    const isCancel = request.command === PAD_COMMANDS.cancel.code;
    if (this.#entry !== undefined && !isCancel) {
      this.#answer(request.command, 'busy', request.sequence);
      return;
    }
    try {
      this.#execute(request);
    } catch (error) {
      this.#refuse(request, error);
    }
  }

  #refuse({ command, sequence }: PadRequest, error: unknown): void {
    const state = error instanceof PosError ? STATE_OF_FAILURE[error.code] : undefined;
    this.#answer(command, state ?? 'badData', sequence);
  }

  /** PIN entry and the loading of a master key answer later, by themselves; everything else at once. */
  #execute(request: PadRequest): void {
    const { command, sequence, payload } = request;
    if (command === PAD_COMMANDS.loadKey.code) {
      // Answered when the key is durable: a pad that said so has it after a power cut too.
      this.padKeys.take(payload).then(
        () => this.#answer(command, 'done', sequence),
        (error: unknown) => this.#refuse(request, error),
      );
      return;
    }
    if (command === PAD_COMMANDS.enterPin.code) {
      this.#askPin(sequence, payload);
      return;
    }
    const answer = this.#reply(command, payload);
    if (answer === undefined) this.#answer(command, 'unknown', sequence);
    else this.#answer(command, 'done', sequence, answer);
  }

  #reply(command: number, payload: Buffer): Buffer | undefined {
    const nothing = Buffer.alloc(0);
    switch (command) {
      case PAD_COMMANDS.status.code:
        return this.#status();
      case PAD_COMMANDS.loadKeys.code:
        this.#load(payload);
        return nothing;
      case PAD_COMMANDS.mac.code:
        return this.#mac(payload);
      case PAD_COMMANDS.verifyMac.code:
        return Buffer.from([this.#which(payload.subarray(0, 8), payload.subarray(8))]);
      case PAD_COMMANDS.encryptTrack.code:
        return this.#track(payload.toString('ascii'));
      case PAD_COMMANDS.seal.code:
        return Buffer.from(this.#vault.seal(this.padKeys.storage, payload, SEAL_CONTEXT), 'ascii');
      case PAD_COMMANDS.unseal.code:
        return this.#vault.unseal(this.padKeys.storage, payload.toString('ascii'), SEAL_CONTEXT);
      case PAD_COMMANDS.random.code:
        return this.#random(payload.readUInt8(0));
      case PAD_COMMANDS.askKey.code:
        return this.padKeys.ask();
      case PAD_COMMANDS.display.code:
        this.#shown = iconv.decode(payload, 'gb18030').split('\n').slice(0, 4);
        return nothing;
      case PAD_COMMANDS.cancel.code:
        this.#entry?.press('cancel');
        return nothing;
      default:
        return undefined;
    }
  }

  #status(): Buffer {
    const checkValues = [this.padKeys.tmk, this.#keys?.mak, this.#keys?.pik].map(
      (key) => key?.checkValue ?? '',
    );
    return Buffer.concat(
      [VERSION, ...checkValues].map((text) => Buffer.from([text.length, ...Buffer.from(text)])),
    );
  }

  #load(payload: Buffer): void {
    const mode = payload.subarray(0, 3).toString('ascii');
    if (mode !== '003' && mode !== '004' && mode !== '005') throw new PosError('INPUT_BAD', 'key mode');
    const macAlgorithm = MAC_OF_CODE.get(payload.readUInt8(3));
    if (macAlgorithm === undefined) throw new PosError('INPUT_BAD', 'MAC algorithm');
    const loaded = this.padKeys.load(
      mode satisfies KeyMode,
      payload.subarray(4).toString('hex').toUpperCase(),
    );
    this.#previous = this.#keys;
    this.#keys = { ...loaded, macAlgorithm };
  }

  #mac(data: Buffer): Buffer {
    const { mak, macAlgorithm } = this.#need(this.#keys);
    return this.#vault.mac(mak, data, macAlgorithm);
  }

  #track(de35: string): Buffer {
    const tdk = this.#need(this.#keys?.tdk ?? undefined);
    return Buffer.from(this.#vault.encryptTrack(tdk, de35), 'ascii');
  }

  /** 1 current, 2 previous, 0 none. */
  #which(mac: Buffer, data: Buffer): number {
    const isRight = ({ mak, macAlgorithm }: Pick<LoadedKeys, 'mak' | 'macAlgorithm'>) =>
      this.#vault.verifyMac(mak, data, mac, macAlgorithm);
    if (isRight(this.#need(this.#keys))) return 1;
    return this.#previous !== undefined && isRight(this.#previous) ? 2 : 0;
  }

  #askPin(sequence: number, payload: Buffer): void {
    const pik = this.#need(this.#keys?.pik);
    const panEnd = 3 + payload.readUInt8(2);
    const pan = payload.subarray(3, panEnd).toString('ascii');
    // Now, and not when the holder has typed: a PIN block cannot be made for anything else.
    checkPan(pan);
    const amountText = iconv.decode(
      payload.subarray(panEnd + 1, panEnd + 1 + payload.readUInt8(panEnd)),
      'gb18030',
    );
    const { code } = PAD_COMMANDS.enterPin;
    this.#entry = new PinEntry({
      clock: this.#clock,
      panMasked: maskPan(pan),
      amountText,
      timeoutMs: payload.readUInt16BE(0) * 1000,
      ended: (outcome, digits) => {
        this.#entry = undefined;
        this.#shown = IDLE;
        if (outcome === 'entered') {
          this.#answer(code, 'done', sequence, this.#vault.encryptPinBlock(pik, digits, pan));
        } else {
          this.#answer(code, outcome, sequence);
        }
      },
    });
    this.#answer(code, 'working', sequence);
    this.#type();
  }

  #type(): void {
    if (this.#entry === undefined) return;
    const typist = this.#typists.shift();
    if (typist === undefined) return;
    for (const digit of typist.digits) this.press(digit as `${number}`);
    this.press('confirm');
    typist.typed();
  }

  #need<T>(key: T | undefined): T {
    if (key === undefined) throw new PosError('KEY_UNKNOWN', 'the pad holds no such key');
    return key;
  }

  #answer(command: number, state: StateName, sequence: number, payload: Buffer = Buffer.alloc(0)): void {
    if (this.#mode === 'silent') return;
    const frame = padAnswer(command, PAD_STATES[state].code, sequence, payload);
    this.#line.write(this.#mode === 'garbage' ? Buffer.alloc(frame.length, 0xa5) : frame);
  }
}
