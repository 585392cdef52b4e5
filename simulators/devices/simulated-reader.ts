/** A magnetic stripe reader on a line: it says nothing until a card goes through it. */
import type { DeviceLine } from './device-line.ts';

const STX = '\x02';
const ESC = '\x1b';
const CR = '\r';
const ETX = '\x03';

export class SimulatedReader {
  readonly #line: DeviceLine;

  constructor(line: DeviceLine) {
    this.#line = line;
    // The terminal has nothing to say to it; reading keeps the line empty.
    line.onData(() => {});
  }

  /** @param track2 with or without `;` and `?`; @param track1 with or without `%` and `?` */
  swipe(track2: string, track1?: string): void {
    const first = track1 === undefined ? '' : framed('%', track1);
    this.send(`${STX}${ESC}${first}${framed(';', track2)}${CR}${ETX}`);
  }

  /** Too fast, too slow or upside down: both tracks come as E. */
  swipeBadly(): void {
    this.swipe('E', 'E');
  }

  /** Bytes as they are: noise, a torn track, another vendor's frame. */
  send(raw: string): void {
    this.#line.write(Buffer.from(raw, 'latin1'));
  }

  unplug(): Promise<void> {
    return this.#line.unplug();
  }

  plug(): Promise<void> {
    return this.#line.plug();
  }
}

function framed(sentinel: '%' | ';', track: string): string {
  return track.startsWith(sentinel) ? track : `${sentinel}${track}?`;
}
