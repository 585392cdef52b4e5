/**
 * A serial line of a world: a device at one end that stays, terminals that come and go at the other. Bytes
 * arrive in order after a delay, on the world's clock; the terminal's power may go at any frame it writes.
 */
import { PosError } from '../../../protocol/index.ts';
import type { BytePort, Clock, DeviceName } from '../../../terminal/index.ts';
import type { DeviceLine } from '../../devices/device-line.ts';
import { never } from '../machine.ts';
import { arrivesOf, type LineFault } from './line-faults.ts';

export type Way = 'to device' | 'to terminal';

export interface LineOutside {
  /** The world's clock, not that of a life of the terminal: what is under way arrives in virtual time. */
  readonly clock: Clock;
  /**
   * Announces bytes about to leave the terminal: `first` before the first byte, `middle` between, `last`
   * after the last. False: its power is off from here; what left so far arrives at the device.
   */
  mayHappen(kind: 'serial byte', detail: string): boolean;
  /** Virtual milliseconds from one end to the other, asked for each frame. */
  delayMs(way: Way): number;
  /** A fault befell a frame. Never what the frame holds. */
  note(what: string): void;
  /** Sees all bytes as they arrive. Tracks are among them: for tests only. */
  traffic?(device: DeviceName, way: Way, bytes: Buffer): void;
}

export interface ArmedFault {
  readonly way: Way;
  readonly fault: LineFault;
  /** Which frame it befalls; 1, the default, is the next one that way. */
  readonly ahead?: number;
  /** How many frames from there on; default 1, Infinity until it is disarmed. */
  readonly frames?: number;
}

/** Bytes under way. */
interface Parcel {
  bytes: Buffer;
  readonly fault: LineFault | undefined;
  /** Its time has come; it waits only for those before it. */
  isDue: boolean;
  /** For the terminal that wrote it. */
  arrived(): void;
  lost(error: PosError): void;
}

interface Road {
  readonly parcels: Parcel[];
  frames: number;
  armed: { readonly from: number; readonly to: number; readonly fault: LineFault }[];
}

export class WorldLine implements DeviceLine {
  readonly name: DeviceName;
  /** How a hand pulls the cable; the device's own `unplug` where it must notice. */
  pull: () => void = () => void this.unplug();
  readonly #outside: LineOutside;
  readonly #nameOf: (frame: Buffer) => string;
  readonly #deviceListeners: ((chunk: Buffer) => void)[] = [];
  readonly #roads: Record<Way, Road> = {
    'to device': { parcels: [], frames: 0, armed: [] },
    'to terminal': { parcels: [], frames: 0, armed: [] },
  };
  #end: TerminalEnd | undefined;
  #isPlugged = true;

  /** @param nameOf what kind of frame the terminal writes, for the list of points; never what it holds */
  constructor(name: DeviceName, outside: LineOutside, nameOf: (frame: Buffer) => string) {
    this.name = name;
    this.#outside = outside;
    this.#nameOf = nameOf;
  }

  get isPlugged(): boolean {
    return this.#isPlugged;
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#deviceListeners.push(listener);
  }

  /** From the device. Nobody hears it where no terminal lives. */
  write(bytes: Buffer): void {
    if (this.#isPlugged && this.#end !== undefined) this.#send('to terminal', Buffer.from(bytes));
  }

  plug(): Promise<void> {
    this.#isPlugged = true;
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    if (this.#isPlugged) {
      this.#isPlugged = false;
      this.#dropAll('unplugged');
      this.#end?.closed('unplugged');
    }
    return Promise.resolve();
  }

  /** A new terminal's end; that of the terminal before is dead from here. */
  port(): BytePort {
    this.cutOff();
    const end = new TerminalEnd(this.name, {
      isThere: () => this.#isPlugged,
      leave: (bytes) => this.#leave(bytes),
      abandon: () => this.#dropAll('closed'),
    });
    this.#end = end;
    return end;
  }

  /** The terminal's power is gone: what left it arrives, and its end neither hears nor settles anything more. */
  cutOff(): void {
    this.#end?.die();
    this.#end = undefined;
    for (const { bytes, fault } of this.#roads['to device'].parcels.splice(0))
      this.#arrive('to device', parcelOf(bytes, fault));
    this.#roads['to terminal'].parcels.length = 0;
  }

  /** @returns disarms it */
  arm({ way, fault, ahead = 1, frames = 1 }: ArmedFault): () => void {
    const road = this.#roads[way];
    const from = road.frames + ahead;
    const armed = { from, to: from + frames - 1, fault };
    road.armed.push(armed);
    return () => {
      road.armed = road.armed.filter((other) => other !== armed);
    };
  }

  /** No fault any more. */
  spare(): void {
    for (const road of Object.values(this.#roads)) road.armed = [];
  }

  #leave(bytes: Buffer): Promise<void> {
    const detail = `${this.name} ${this.#nameOf(bytes)}`;
    const may = (point: string) => this.#outside.mayHappen('serial byte', `${detail} ${point}`);
    if (!may('first')) return never();
    // On the line before the next point is announced: a cut there finds the half that has left.
    const parcel = this.#send('to device', bytes.subarray(0, bytes.length >> 1));
    if (!may('middle')) return never();
    parcel.bytes = bytes;
    if (!may('last')) return never();
    return new Promise((resolve, reject) => {
      parcel.arrived = resolve;
      parcel.lost = reject;
    });
  }

  #send(way: Way, bytes: Buffer): Parcel {
    const road = this.#roads[way];
    road.frames += 1;
    const parcel = parcelOf(bytes, faultOf(road));
    road.parcels.push(parcel);
    const late = parcel.fault?.kind === 'late' ? parcel.fault.ms : 0;
    this.#outside.clock.after(this.#outside.delayMs(way) + late, () => {
      parcel.isDue = true;
      // None overtakes another; one that was dropped is no longer among them.
      while (road.parcels[0]?.isDue === true) this.#arrive(way, road.parcels.shift() as Parcel);
    });
    return parcel;
  }

  #arrive(way: Way, { bytes, fault, arrived, lost }: Parcel): void {
    const arriving = arrivesOf(bytes, fault);
    if (fault !== undefined) this.#outside.note(`${this.name} ${way}: ${fault.kind}`);
    if (fault?.kind === 'meanwhile') fault.act();
    if (!this.#isPlugged) {
      lost(absent(this.name, 'unplugged'));
      return;
    }
    if (arriving.length > 0) {
      this.#outside.traffic?.(this.name, way, arriving);
      if (way === 'to terminal') this.#end?.hear(arriving);
      else for (const listener of this.#deviceListeners) listener(arriving);
    }
    if (fault?.kind !== 'pulled') {
      arrived();
      return;
    }
    lost(absent(this.name, 'unplugged'));
    this.pull();
  }

  #dropAll(reason: string): void {
    for (const road of Object.values(this.#roads))
      for (const { lost } of road.parcels.splice(0)) lost(absent(this.name, reason));
  }
}

/** With nobody who waits for it. */
function parcelOf(bytes: Buffer, fault: LineFault | undefined): Parcel {
  return { bytes, fault, isDue: false, arrived: () => undefined, lost: () => undefined };
}

/** The fault of the frame that is just being sent; the one armed first comes first. */
function faultOf(road: Road): LineFault | undefined {
  const { frames } = road;
  road.armed = road.armed.filter(({ to }) => to >= frames);
  return road.armed.find(({ from }) => from <= frames)?.fault;
}

interface EndOutside {
  isThere(): boolean;
  leave(bytes: Buffer): Promise<void>;
  /** What is under way is lost. */
  abandon(): void;
}

/** The end in the hands of one life of a terminal. */
class TerminalEnd implements BytePort {
  readonly #name: DeviceName;
  readonly #outside: EndOutside;
  readonly #dataListeners: ((chunk: Buffer) => void)[] = [];
  readonly #closeListeners: ((reason: string) => void)[] = [];
  #isAlive = true;
  #isOpen = false;

  constructor(name: DeviceName, outside: EndOutside) {
    this.#name = name;
    this.#outside = outside;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): Promise<void> {
    if (!this.#isAlive) return never();
    if (!this.#outside.isThere()) return Promise.reject(absent(this.#name, 'no such line'));
    this.#isOpen = true;
    return Promise.resolve();
  }

  write(bytes: Buffer): Promise<void> {
    if (!this.#isAlive) return never();
    if (!this.#isOpen) return Promise.reject(absent(this.#name, 'closed'));
    return this.#outside.leave(Buffer.from(bytes));
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#dataListeners.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListeners.push(listener);
  }

  close(): Promise<void> {
    if (!this.#isAlive) return never();
    if (this.#isOpen) {
      this.#outside.abandon();
      this.closed('closed');
    }
    return Promise.resolve();
  }

  /** Listeners get bytes of their own: drivers wipe what they were given. */
  hear(chunk: Buffer): void {
    if (this.#isOpen) for (const listener of this.#dataListeners) listener(Buffer.from(chunk));
  }

  closed(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const listener of this.#closeListeners) listener(reason);
  }

  die(): void {
    this.#isAlive = false;
    this.#isOpen = false;
  }
}

function absent(name: DeviceName, reason: string): PosError {
  return new PosError('DEVICE_ABSENT', `${name}: ${reason}`);
}
