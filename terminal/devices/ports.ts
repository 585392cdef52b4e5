/**
 * The seam between the terminal's flows and its three devices. Flows know only these interfaces;
 * drivers implement them over a `BytePort`, which is a serial line, a pseudo-terminal or, in the
 * simulated world, memory.
 */
import type { KeyMode, MacAlgorithm } from '../../keys/index.ts';
import type { Track2 } from '../../protocol/index.ts';
import type { Slip } from '../receipt/model.ts';

/**
 * A line of bytes to one device. After `close`, or after the device was unplugged (`onClose` tells),
 * the same object may be opened again: device-link.ts polls it with a back-off.
 */
export interface BytePort {
  /** Opens exclusively. DEVICE_ABSENT when the line is not there or somebody else holds it. */
  open(): Promise<void>;
  /** Resolves once the bytes left; DEVICE_ABSENT when the line is closed or closes before that. */
  write(bytes: Buffer): Promise<void>;
  onData(listener: (chunk: Buffer) => void): void;
  /** Called once for each time the line closes, also when `close` was asked for. */
  onClose(listener: (reason: string) => void): void;
  close(): Promise<void>;
  readonly isOpen: boolean;
}

export type DeviceName = 'reader' | 'pinPad' | 'printer';

/**
 * absent: no line; opening: the line is there, the device is being probed; ready; busy: in a
 * command; error: the line is there but the device is silent, answers garbage or reports a fault.
 */
export type DeviceState = 'absent' | 'opening' | 'ready' | 'busy' | 'error';

export interface SwipedCard {
  readonly track2: Track2;
  /** The holder's name on track 1, or null. */
  readonly track1Name: string | null;
}

export interface CardReader {
  /**
   * Waits for a good swipe; bytes that come while nobody waits are dropped.
   *
   * A bad read is reported with how many more swipes are left (3, 2, 1); the fourth bad read in a row
   * rejects with TRACK_BAD. An expired card is given back all the same: the host judges expiry.
   * @throws TRACK_BAD, CANCELLED (signal), DEVICE_SILENT (timeoutMs), DEVICE_ABSENT, DEVICE_BUSY
   */
  read(options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    onBadRead(left: number): void;
  }): Promise<SwipedCard>;
  state(): DeviceState;
}

/** Check values are hex of 3 or 4 bytes; null while the pad holds no such key. */
export interface PinPadStatus {
  readonly version: string;
  readonly tmkCheckValue: string | null;
  readonly macCheckValue: string | null;
  readonly pinCheckValue: string | null;
}

/** Every method may reject with DEVICE_ABSENT, DEVICE_SILENT, DEVICE_GARBAGE or DEVICE_REFUSED. */
export interface PinPad {
  status(): Promise<PinPadStatus>;
  /**
   * Gives DE62 of the sign-in answer to the pad. KEY_CHECK_VALUE: the pad keeps its old keys.
   * @param macAlgorithm what the pad makes of the MAK; default: the dialect's own
   */
  loadWorkingKeys(mode: KeyMode, de62: string, macAlgorithm?: MacAlgorithm): Promise<void>;
  /** DE64, eight bytes, under the current MAK. KEY_UNKNOWN before the first sign-in. */
  mac(data: Buffer): Promise<Buffer>;
  /** True when the MAC is right under the current or the previous MAK (repeats may come under it). */
  verifyMac(data: Buffer, mac: Buffer): Promise<boolean>;
  /** Which key made the MAC: needed to know that the host has seen the new keys. */
  whichMac(data: Buffer, mac: Buffer): Promise<'current' | 'previous' | 'none'>;
  /**
   * Shows `amountText` and waits for the PIN on the pad's own keys. The clear PIN stays in the pad.
   * @returns the PIN block (8 bytes, format 0 under PIK; 16 for DE57 `PB` under an SM4 key), or 'bypassed' when the holder pressed confirm alone
   * @throws CANCELLED (holder, or signal), DEVICE_SILENT (nobody typed within timeoutMs), KEY_UNKNOWN
   */
  enterPin(options: {
    readonly pan: string;
    readonly amountText: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  }): Promise<Buffer | 'bypassed'>;
  /** DE35 as it goes out when the host gave a track key: eight bytes of it under the TDK. KEY_UNKNOWN without one. */
  encryptTrack(de35: string): Promise<string>;
  /** Encrypts under a storage key that never leaves the pad: a full card number rests only so. */
  seal(clear: Buffer): Promise<string>;
  unseal(sealed: string): Promise<Buffer>;
  random(count: number): Promise<Buffer>;
  /**
   * Asks for a new master key: six upper-case hex digits of the check value of the one that the pad wants to use
   * (zeros: none), and its nonce, 32. An earlier nonce is forgotten. null: this pad loads no keys remotely.
   */
  askKey(): Promise<string | null>;
  /**
   * Gives a key package (DE57 `KP`) to the pad, which keeps the key in it beside the one that it has.
   * @throws KEY_PACKAGE_BAD, KEY_PACKAGE_REPLAYED, KEY_CHECK_VALUE, KEY_UNKNOWN: it keeps what it has
   */
  loadKey(packed: Buffer): Promise<void>;
  /** Up to four lines of 16 columns on the holder's display. */
  display(lines: readonly string[]): Promise<void>;
  /** Goes before everything that waits, and ends a PIN entry. */
  cancel(): Promise<void>;
  /** Function keys pressed while no PIN is asked for. */
  onKey(listener: (key: PadKey) => void): void;
  state(): DeviceState;
}

/** Digits are not among them: a PIN typed too early must never reach the terminal in clear. */
export type PadKey = 'confirm' | 'cancel' | 'clear' | 'f1' | 'f2' | 'f3';

export interface PrinterStatus {
  readonly online: boolean;
  readonly paper: 'enough' | 'near end' | 'out';
  readonly coverOpen: boolean;
  readonly error: boolean;
}

export interface Printer {
  /** @throws DEVICE_ABSENT, DEVICE_SILENT, DEVICE_GARBAGE */
  status(): Promise<PrinterStatus>;
  /**
   * Sends one slip, asking for the printer's state before, between and after its lines.
   *
   * Rejects with PAPER_OUT, PRINTER_FAULT, DEVICE_ABSENT, DEVICE_SILENT or DEVICE_GARBAGE; the
   * error's `cause` is then a `PrintProgress`, see `printProgress`.
   */
  print(slip: Slip): Promise<void>;
  state(): DeviceState;
}

/** How far a slip came. Lines between `known` and `sent` may or may not be on the paper. */
export interface PrintProgress {
  readonly kind: 'print progress';
  /** Lines that were followed by an answer that said all is well. */
  readonly linesKnownPrinted: number;
  readonly linesSent: number;
  readonly linesTotal: number;
}

export type FaultListener = (device: DeviceName, state: DeviceState, text: string) => void;

export interface Devices {
  readonly reader: CardReader;
  readonly pinPad: PinPad;
  readonly printer: Printer;
  /** Each change to absent or error, and back to ready; `text` is Chinese with English beside it. */
  onFault(listener: FaultListener): void;
  close(): Promise<void>;
}
