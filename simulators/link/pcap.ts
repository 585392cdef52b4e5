/**
 * A captured conversation as a pcap file that Wireshark and tshark open. Ethernet, IP and TCP headers
 * are made up around the real bytes: sequence numbers count on, checksums are right.
 */
export type WireRecord =
  | { readonly kind: 'opened'; readonly connection: number; readonly at: number }
  | { readonly kind: 'closed'; readonly connection: number; readonly at: number; readonly by: Side }
  | {
      readonly kind: 'bytes';
      readonly connection: number;
      /** UTC milliseconds. */
      readonly at: number;
      readonly from: Side;
      readonly bytes: Buffer;
    };
export type Side = 'terminal' | 'host';

const SEGMENT_BYTES_MAX = 1460;
const CLIENT_PORT_FIRST = 40_000;
const ADDRESSES = { terminal: [10, 0, 0, 2], host: [10, 0, 0, 1] } as const;
const FIN = 0x01;
const SYN = 0x02;
const PUSH = 0x08;
const ACK = 0x10;

/** @param hostPort the port that a dissector is registered for */
export function pcapOf(records: readonly WireRecord[], hostPort: number): Buffer {
  const conversations = new Map<number, Conversation>();
  const packets: Buffer[] = [fileHeader()];
  for (const record of records) {
    let conversation = conversations.get(record.connection);
    if (conversation === undefined) {
      conversation = new Conversation(CLIENT_PORT_FIRST + (record.connection % 20_000), hostPort);
      conversations.set(record.connection, conversation);
    }
    packets.push(...conversation.packetsOf(record));
  }
  return Buffer.concat(packets);
}

/** Microsecond pcap 2.4, little endian, Ethernet. */
function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  return header;
}

class Conversation {
  readonly #ports: Record<Side, number>;
  /** The next sequence number of each side. */
  readonly #next: Record<Side, number> = { terminal: 1_000, host: 9_000 };
  #isClosed = false;

  constructor(terminalPort: number, hostPort: number) {
    this.#ports = { terminal: terminalPort, host: hostPort };
  }

  packetsOf(record: WireRecord): readonly Buffer[] {
    if (record.kind === 'opened') return this.#handshake(record.at);
    if (record.kind === 'closed') return this.#goodbye(record.at, record.by);
    const packets: Buffer[] = [];
    for (let at = 0; at < record.bytes.length; at += SEGMENT_BYTES_MAX) {
      const payload = record.bytes.subarray(at, at + SEGMENT_BYTES_MAX);
      packets.push(this.#packet(record.at, record.from, PUSH | ACK, payload));
    }
    return packets;
  }

  #handshake(at: number): readonly Buffer[] {
    return [
      this.#packet(at, 'terminal', SYN),
      this.#packet(at, 'host', SYN | ACK),
      this.#packet(at, 'terminal', ACK),
    ];
  }

  #goodbye(at: number, by: Side): readonly Buffer[] {
    if (this.#isClosed) return [];
    this.#isClosed = true;
    return [
      this.#packet(at, by, FIN | ACK),
      this.#packet(at, other(by), FIN | ACK),
      this.#packet(at, by, ACK),
    ];
  }

  #packet(at: number, from: Side, flags: number, payload: Buffer = Buffer.alloc(0)): Buffer {
    const tcp = Buffer.alloc(20);
    tcp.writeUInt16BE(this.#ports[from], 0);
    tcp.writeUInt16BE(this.#ports[other(from)], 2);
    tcp.writeUInt32BE(this.#next[from] >>> 0, 4);
    // The first SYN acknowledges nothing yet.
    tcp.writeUInt32BE(flags === SYN ? 0 : this.#next[other(from)] >>> 0, 8);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    tcp.writeUInt16BE(64_240, 14);
    const segment = Buffer.concat([tcp, payload]);
    const pseudo = Buffer.from([...ADDRESSES[from], ...ADDRESSES[other(from)], 0, 6, 0, 0]);
    pseudo.writeUInt16BE(segment.length, 10);
    segment.writeUInt16BE(checksum(Buffer.concat([pseudo, segment])), 16);
    this.#next[from] += payload.length + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    return recorded(at, Buffer.concat([ethernet(from), ip(from, segment.length), segment]));
  }
}

function recorded(at: number, packet: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(Math.floor(at / 1000), 0);
  header.writeUInt32LE(Math.floor(at % 1000) * 1000, 4);
  header.writeUInt32LE(packet.length, 8);
  header.writeUInt32LE(packet.length, 12);
  return Buffer.concat([header, packet]);
}

/** Locally administered addresses ending in 1 (host) and 2 (terminal); type IPv4. */
function ethernet(from: Side): Buffer {
  const [to, own] = from === 'terminal' ? [1, 2] : [2, 1];
  return Buffer.from([2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, own, 0x08, 0x00]);
}

function ip(from: Side, payloadBytes: number): Buffer {
  const header = Buffer.from([
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, ...ADDRESSES[from], ...ADDRESSES[other(from)],
  ]); // biome-ignore format: as the header is drawn
  header.writeUInt16BE(20 + payloadBytes, 2);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

/** RFC 1071: the ones' complement of the ones' complement sum of 16-bit words. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function other(side: Side): Side {
  return side === 'terminal' ? 'host' : 'terminal';
}
