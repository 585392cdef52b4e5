/**
 * The wire between terminals and host: connections of ordered bytes with a delay, as TCP gives them, and
 * everything that a mobile network, a concentrator or a firewall does to frames on the way.
 */
import type { Line, Listener } from '../../host/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { HostConnection, HostWire } from '../../terminal/index.ts';
import type { Dice } from './dice.ts';
import { type Machine, never } from './machine.ts';
import type { Scheduler } from './scheduler.ts';
import type { Timeline } from './timeline.ts';

/** What may befall one frame. */
export type FrameFault =
  | { readonly kind: 'drop' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'duplicate'; readonly afterMs: number }
  /** The first `bytes` arrive, then the connection breaks for both. */
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'flip'; readonly bit: number }
  /** It is lost, and so is every frame after it for that long, while connections still come about. */
  | { readonly kind: 'deaf'; readonly ms: number }
  /** It arrives; from then on neither side hears the other, and neither is told. */
  | { readonly kind: 'half-open' }
  /** It goes astray and arrives in front of the answer that is `answers` answers later, whatever that one is for. */
  | { readonly kind: 'astray'; readonly answers: number };

export type Direction = 'request' | 'answer';

const DELAY_LEAST_MS = 2;
const DELAY_MOST_MS = 40;
/** How long a connection to a network that is away is tried. */
const CONNECT_MS = 10_000;
/** LEN 2, TPDU 5, header 6: the MTI follows. */
const MTI_AT = 13;

/** `0200`, or what cannot be told. */
export function mtiOf(frame: Buffer): string {
  return frame.length >= MTI_AT + 2 ? frame.subarray(MTI_AT, MTI_AT + 2).toString('hex') : '????';
}

export class Network {
  readonly #scheduler: Scheduler;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #cables = new Set<Cable>();
  /** Answers that wait for a later one to the same terminal. */
  #strays: { readonly to: string; readonly bytes: Buffer; answersLeft: number }[] = [];
  #accept: ((line: Line) => void) | null = null;
  #armed: { readonly direction: Direction; readonly ahead: number; readonly fault: FrameFault }[] = [];
  /** Frames so far, by direction. */
  readonly frames: Record<Direction, number> = { request: 0, answer: 0 };
  /** False: no connection comes about and nothing that is sent arrives. */
  isUp = true;
  /** Whoever accepts connections in front of the host has lost the host: nothing that is sent arrives until then. */
  #deafUntil = 0;

  constructor(world: { scheduler: Scheduler; timeline: Timeline; dice: Dice }) {
    this.#scheduler = world.scheduler;
    this.#timeline = world.timeline;
    this.#dice = world.dice.of('network');
  }

  /** The frame that is `ahead` frames from now in that direction meets the fault; 1 is the next. */
  arm(direction: Direction, ahead: number, fault: FrameFault): void {
    this.#armed.push({ direction, ahead: this.frames[direction] + ahead, fault });
  }

  /** No fault any more, and the network is up. */
  spare(): void {
    this.#armed = [];
    this.#strays = [];
    this.#deafUntil = 0;
    this.isUp = true;
  }

  /** The host's ear. It goes with the host's power. */
  listener(): Listener {
    return {
      open: (accept) => {
        const mine = (line: Line) => accept(line);
        this.#accept = mine;
        return Promise.resolve({
          port: 8583,
          close: () => {
            if (this.#accept === mine) this.#accept = null;
            return Promise.resolve();
          },
        });
      },
    };
  }

  /** The host has no power: nobody listens, and what was connected is broken. */
  hostIsDead(): void {
    this.#accept = null;
    for (const cable of this.#cables) {
      cable.hostIsGone = true;
      // A machine that is gone sends no reset; the router in front of it may.
      if (this.#dice.falls(5_000)) cable.break('reset by peer');
      else cable.goSilent();
    }
  }

  /** One terminal's way to the host. */
  wire(terminal: Machine, host: Machine): HostWire {
    terminal.onCut(() => {
      for (const cable of this.#cables) if (cable.terminal === terminal) cable.break('the terminal is gone');
    });
    return {
      connect: async () => {
        if (!terminal.isOn) return never();
        await this.#scheduler.pause(this.isUp ? this.#latency() : CONNECT_MS);
        if (!terminal.isOn) return never();
        const accept = this.#accept;
        if (!this.isUp || accept === null || !host.isOn) {
          throw new PosError('HOST_UNREACHABLE', this.isUp ? 'connection refused' : 'no way to the host');
        }
        const cable = new Cable(this, terminal, host);
        this.#cables.add(cable);
        accept(cable.hostEnd);
        return cable.terminalEnd;
      },
    };
  }

  /** Takes a whole frame, or the part of one that left before a power cut, on its way. */
  carry(cable: Cable, direction: Direction, bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.frames[direction] += 1;
    const fault = this.#faultFor(direction);
    const about = `${direction} ${mtiOf(bytes)} ${this.frames[direction]}`;
    if (fault !== null) this.#timeline.note('wire', `${about}: ${tell(fault)}`);
    if (fault?.kind === 'deaf') this.#deafUntil = this.now + fault.ms;
    if (!this.isUp || cable.isSilent || this.now < this.#deafUntil) {
      this.#timeline.note('wire', `${about}: lost, the network is away`);
      return;
    }
    const latency = this.#latency();
    if (direction === 'answer') this.#deliverStrays(cable, latency);
    switch (fault?.kind) {
      case undefined:
      case 'deaf':
        cable.deliver(direction, bytes, latency);
        break;
      case 'drop':
        break;
      case 'delay':
        cable.deliver(direction, bytes, latency + fault.ms);
        break;
      case 'duplicate':
        cable.deliver(direction, bytes, latency);
        cable.deliver(direction, Buffer.from(bytes), latency + fault.afterMs);
        break;
      case 'cut':
        cable.deliver(direction, bytes.subarray(0, Math.min(fault.bytes, bytes.length - 1)), latency);
        this.#scheduler.after(latency + 1, () => cable.break('connection reset'));
        break;
      case 'flip': {
        const flipped = Buffer.from(bytes);
        const bit = fault.bit % (8 * bytes.length);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        cable.deliver(direction, flipped, latency);
        break;
      }
      case 'half-open':
        cable.deliver(direction, bytes, latency);
        cable.goSilent();
        break;
      case 'astray':
        this.#strays.push({ to: cable.terminal.name, bytes, answersLeft: fault.answers });
        break;
    }
  }

  /** Those whose turn has come arrive with this answer, before it. */
  #deliverStrays(cable: Cable, latency: number): void {
    for (const stray of this.#strays) {
      if (stray.to !== cable.terminal.name) continue;
      stray.answersLeft -= 1;
      if (stray.answersLeft === 0) cable.deliver('answer', stray.bytes, latency);
    }
    this.#strays = this.#strays.filter(({ answersLeft }) => answersLeft > 0);
  }

  later(ms: number, act: () => void): void {
    this.#scheduler.after(ms, act);
  }

  get now(): number {
    return this.#scheduler.now;
  }

  forget(cable: Cable): void {
    this.#cables.delete(cable);
  }

  #latency(): number {
    return this.#dice.between(DELAY_LEAST_MS, DELAY_MOST_MS);
  }

  #faultFor(direction: Direction): FrameFault | null {
    const count = this.frames[direction];
    const found = this.#armed.find((one) => one.direction === direction && one.ahead === count);
    if (found === undefined) return null;
    this.#armed = this.#armed.filter((one) => one !== found);
    return found.fault;
  }
}

function tell(fault: FrameFault): string {
  return Object.values(fault).join(' ');
}

/** One connection: two ends, bytes in order in each direction. */
class Cable {
  readonly terminal: Machine;
  readonly terminalEnd: HostConnection;
  readonly hostEnd: Line;
  readonly #network: Network;
  readonly #hears: Record<Direction, ((chunk: Buffer) => void)[]> = { request: [], answer: [] };
  readonly #onTerminalClose: ((reason: string) => void)[] = [];
  readonly #onHostClose: (() => void)[] = [];
  /** When the last bytes of a direction arrive: those after them come no sooner. */
  readonly #lastArrival: Record<Direction, number> = { request: 0, answer: 0 };
  #isBroken = false;
  /** The host reads no further now: what arrives is held. */
  #isPaused = false;
  readonly #held: Buffer[] = [];
  /** True: neither end hears the other any more, and neither knows it. */
  isSilent = false;
  /** True: the host that had this connection is dead; the next one knows nothing of it. */
  hostIsGone = false;

  constructor(network: Network, terminal: Machine, host: Machine) {
    this.#network = network;
    this.terminal = terminal;
    this.terminalEnd = {
      write: async (bytes) => {
        // Of a break that it was not told of, its own system knows nothing either: the bytes go nowhere.
        if (this.#isBroken && !this.isSilent)
          throw new PosError('HOST_SILENT', 'the line broke while sending');
        const { left, alive } = terminal.bytesLeaving('socket byte', mtiOf(bytes), bytes);
        network.carry(this, 'request', left);
        return alive ? undefined : never();
      },
      onData: (listener) => this.#hears.answer.push(listener),
      onClose: (listener) => this.#onTerminalClose.push(listener),
      close: () => this.break('closed by the terminal'),
    };
    const isWhole = () => !this.#isBroken;
    this.hostEnd = {
      remote: terminal.name,
      write: (bytes) => {
        if (this.#isBroken) return true;
        network.carry(this, 'answer', host.bytesLeaving('socket byte', mtiOf(bytes), bytes).left);
        return true;
      },
      onData: (listener) => this.#hears.request.push(listener),
      onDrain: () => undefined,
      onClose: (listener) => this.#onHostClose.push(listener),
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        for (const bytes of this.#held.splice(0)) this.#bring('request', bytes);
      },
      close: () => this.break('closed by the host'),
      abort: () => this.break('closed by the host'),
      get isWritable() {
        return isWhole();
      },
      needsDrain: false,
    };
  }

  deliver(direction: Direction, bytes: Buffer, afterMs: number): void {
    const at = Math.max(this.#network.now + afterMs, this.#lastArrival[direction]);
    this.#lastArrival[direction] = at;
    this.#network.later(at - this.#network.now, () => {
      if (this.#isBroken || (direction === 'request' && this.hostIsGone)) return;
      if (direction === 'request' && this.#isPaused) this.#held.push(bytes);
      else this.#bring(direction, bytes);
    });
  }

  #bring(direction: Direction, bytes: Buffer): void {
    for (const hear of this.#hears[direction]) hear(bytes);
  }

  goSilent(): void {
    this.isSilent = true;
  }

  /** Both ends learn of it, each in its own time; a dead machine learns nothing. */
  break(reason: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#network.forget(this);
    this.#network.later(1, () => {
      if (this.terminal.isOn && !this.isSilent) for (const tell of this.#onTerminalClose) tell(reason);
      if (!this.hostIsGone) for (const tell of this.#onHostClose) tell();
    });
  }
}
