import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LinkProxy, startLinkProxy } from './index.ts';
import { pcapOf } from './pcap.ts';

/** A host that answers each frame `abc` with `ABC`, and a terminal that collects what it gets. */
async function withLink(
  work: (bench: {
    link: LinkProxy;
    got: () => string;
    asked: () => string;
    send: (text: string) => void;
    socket: Socket;
    until: (isSo: () => boolean) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  let asked = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      asked += chunk.toString('latin1');
      socket.write(chunk.toString('latin1').toUpperCase(), 'latin1');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const link = await startLinkProxy({ listenPort: 0, targetHost: '127.0.0.1', targetPort: port });
  const socket = connect(link.port, '127.0.0.1');
  let got = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    got += chunk.toString('latin1');
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  try {
    await work({
      link,
      got: () => got,
      asked: () => asked,
      send: (text) => socket.write(frame(text)),
      socket,
      until,
    });
  } finally {
    socket.destroy();
    await link.stop();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function frame(text: string): Buffer {
  return Buffer.from(`\x00${String.fromCharCode(text.length)}${text}`, 'latin1');
}
const framed = (...texts: string[]) => texts.map((text) => frame(text).toString('latin1')).join('');

const faults = suite('link proxy: one fault for one frame');

faults('passes frames as they are while nothing is armed, wherever TCP cuts them', () =>
  withLink(async ({ socket, got, until }) => {
    for (const byte of framed('abc', 'de')) {
      socket.write(byte, 'latin1');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => got().length === 9);
    assert.is(got(), framed('ABC', 'DE'));
  }),
);

faults('drops the next answer and passes the one after it', () =>
  withLink(async ({ link, send, got, asked, until }) => {
    link.dropNextAnswer();
    send('abc');
    await until(() => asked() === framed('abc'));
    send('de');
    await until(() => got() !== '');
    assert.is(got(), framed('DE'));
  }),
);

faults('drops the next request: the host never sees it', () =>
  withLink(async ({ link, send, got, asked, until }) => {
    link.dropNextRequest();
    send('abc');
    send('de');
    await until(() => got() !== '');
    assert.is(asked(), framed('de'));
  }),
);

faults('gives the host the same request twice', () =>
  withLink(async ({ link, send, got, until }) => {
    link.duplicateNext();
    send('abc');
    await until(() => got().length === 10);
    assert.is(got(), framed('ABC', 'ABC'));
  }),
);

faults('turns one bit of the next answer, counted from either end', () =>
  withLink(async ({ link, send, got, until }) => {
    link.corruptNext(0);
    link.corruptNext(-1);
    send('abc');
    send('abc');
    await until(() => got().length === 10);
    assert.is(got(), framed('@BC', 'ABB'));
  }),
);

faults('delays an answer and everything behind it', () =>
  withLink(async ({ link, send, got, asked, until }) => {
    link.delayNext(50);
    send('abc');
    send('de');
    await until(() => asked().length === 9);
    assert.is(got(), '');
    await until(() => got().length === 9);
    assert.is(got(), framed('ABC', 'DE'));
  }),
);

faults('breaks the connection in mid-frame', () =>
  withLink(async ({ link, send, got, socket, until }) => {
    link.cutAfter(3);
    send('abc');
    await until(() => socket.destroyed);
    assert.is(got(), '\x00\x03A');
  }),
);

faults('breaks the connection in the middle of a request: the host gets the first bytes', () =>
  withLink(async ({ link, send, got, asked, socket, until }) => {
    link.cutAfter(3, 'request');
    send('abc');
    await until(() => socket.destroyed && asked() !== '');
    assert.equal([asked(), got()], ['\x00\x03a', '']);
  }),
);

faults('is half-open: the request arrives, the answer never does, the connection stays', () =>
  withLink(async ({ link, send, got, asked, socket, until }) => {
    link.halfOpen(true);
    send('abc');
    await until(() => asked() === framed('abc'));
    link.halfOpen(false);
    send('de');
    await until(() => got().endsWith(framed('DE')));
    assert.ok(
      got() === framed('DE') || got() === framed('ABC', 'DE'),
      'the answer may still have been on its way',
    );
    assert.is(socket.destroyed, false);
  }),
);

faults('goes down and comes up on the same port', () =>
  withLink(async ({ link, socket, until }) => {
    const { port } = link;
    await link.down();
    await until(() => socket.destroyed);
    const refused = connect(port, '127.0.0.1');
    await new Promise((resolve) => refused.once('error', resolve));
    await link.up();
    assert.is(link.port, port);
    const again = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => again.once('connect', resolve));
    again.destroy();
  }),
);

faults.run();

const capture = suite('capture of a conversation');

/** The header checksum of RFC 1071 over a whole header or segment, check field included, is zero. */
function onesSum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt8(at) * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = Math.floor(sum / 65_536) + (sum % 65_536);
  return sum;
}

capture('has right checksums in every packet', () => {
  const file = pcapOf(
    [
      { kind: 'opened', connection: 1, at: 1_700_000_000_000 },
      {
        kind: 'bytes',
        connection: 1,
        at: 1_700_000_000_010,
        from: 'terminal',
        bytes: Buffer.alloc(3_001, 0xa5),
      },
      { kind: 'bytes', connection: 1, at: 1_700_000_000_020, from: 'host', bytes: Buffer.from([1]) },
      { kind: 'closed', connection: 1, at: 1_700_000_000_030, by: 'terminal' },
    ],
    8583,
  );
  let packets = 0;
  for (let at = 24; at < file.length; packets += 1) {
    const length = file.readUInt32LE(at + 8);
    const packet = file.subarray(at + 16, at + 16 + length);
    const ip = packet.subarray(14, 34);
    const tcp = packet.subarray(34);
    assert.is(onesSum(ip), 0xffff);
    const pseudo = Buffer.concat([
      ip.subarray(12, 20),
      Buffer.from([0, 6, tcp.length >> 8, tcp.length & 255]),
    ]);
    assert.is(onesSum(Buffer.concat([pseudo, tcp])), 0xffff);
    at += 16 + length;
  }
  assert.is(packets, 3 + 3 + 1 + 3);
});

capture('is read by tshark, where it is installed, as one TCP conversation without a fault', () =>
  withLink(async ({ link, send, got, socket, until }) => {
    send('abc');
    await until(() => got().length === 5);
    send('defg');
    await until(() => got().length === 11);
    socket.destroy();
    await until(() => link.capture().some(({ kind }) => kind === 'closed'));
    const dir = await mkdtemp(join(tmpdir(), 'zunka-pcap-'));
    const path = join(dir, 'conversation.pcap');
    await link.writePcap(path);
    const rows = tsharkRows(path);
    await rm(dir, { recursive: true });
    if (rows === undefined) return;
    assert.is(rows.filter(([, , analysis = '']) => analysis !== '').length, 0, 'no lost or repeated segment');
    assert.equal(
      rows.filter(([payload]) => payload !== '').map(([payload]) => payload),
      ['0003616263', '0003414243', '000464656667', '000444454647'],
    );
    assert.equal([...new Set(rows.map(([, checksum = '']) => checksum))], ['1'], 'every checksum is good');
  }),
);

/** TCP payload, checksum status (1 good) and what the sequence analysis complains about; undefined without tshark. */
function tsharkRows(path: string): readonly (readonly string[])[] | undefined {
  const fields = ['tcp.payload', 'tcp.checksum.status', 'tcp.analysis.flags'].flatMap((name) => ['-e', name]);
  try {
    const text = execFileSync(
      'tshark',
      ['-r', path, '-o', 'tcp.check_checksum:TRUE', '-T', 'fields', ...fields],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    return text
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      console.log('\nleft out: the capture as tshark reads it; tshark is not installed');
      return undefined;
    }
    throw error;
  }
}

capture.run();
