/**
 * A real terminal as a process that can be killed: journal on real files, line to the host on real TCP.
 * Its devices are in the parent, at the other end of three pipes, and so outlive it; the clerk is here
 * and answers as it was told to.
 */
import { Socket } from 'node:net';
import { PosError } from '../../protocol/index.ts';
import {
  type Clerk,
  type HostWire,
  type JournalDisk,
  nodeClock,
  nodePasswordHash,
  nodeRandom,
  openDevices,
  openNodeDisk,
  type PromptName,
  startTerminal,
  type Terminal,
  type TerminalConfig,
  tcpWire,
  terminalConfig,
} from '../../terminal/index.ts';
import type { Order, Report, Stage, Standing } from './orders.ts';
import { PipePort } from './pipe-line.ts';

const FILES = { reader: 3, pinPad: 4, printer: 5 } as const;
const POLL_MS = 1;
/** Left alone by the parent: a terminal without a shop does not stay. */
process.on('disconnect', () => process.exit(0));

function tell(report: Report): void {
  process.send?.(report);
}

/** What it is at, apart from writing: slips and duties write their own records beside a command. */
let task: Stage = 'between commands';
let writing = 0;
let told: Stage = task;
function enter(next: Stage): void {
  task = next;
  tellStage();
}
function tellStage(): void {
  const stage = writing > 0 ? 'writing its journal' : task;
  if (stage !== told) tell({ kind: 'stage', stage });
  told = stage;
}
/** How many commands have begun or ended: it changes with each, so that what belongs to one ends with it. */
let turn = 0;

/** Sees to it that the parent knows what a kill falls into. */
function watchedDisk(disk: JournalDisk): JournalDisk {
  return {
    ...disk,
    append: async (name, bytes) => {
      writing += 1;
      tellStage();
      try {
        await disk.append(name, bytes);
      } finally {
        writing -= 1;
        tellStage();
      }
    },
  };
}

function watchedWire(wire: HostWire): HostWire {
  return {
    connect: async () => {
      const connection = await wire.connect();
      return {
        ...connection,
        write: (bytes) => {
          enter('waiting for an answer');
          return connection.write(bytes);
        },
        onData: (listener) =>
          connection.onData((chunk) => {
            enter('in a command');
            listener(chunk);
          }),
      };
    },
  };
}

/** Answers by prompt; tells the parent when card and PIN are wanted. */
function clerkOf(config: TerminalConfig, readerWaits: () => boolean): Clerk {
  const answers: Partial<Record<PromptName, string>> = {
    supervisor: '00',
    supervisorPassword: config.supervisorPassword,
    confirm: '1',
    noPaper: '1',
    reversalDecision: '1',
    repeatDecision: '1',
  };
  let abort = new AbortController();
  const wantCard = (asked: number) => {
    // What is swiped before the reader waits is dropped.
    if (readerWaits()) tell({ kind: 'wants', what: 'card' });
    else if (asked === turn) setTimeout(wantCard, POLL_MS, asked);
  };
  return {
    ask: async (prompt) => {
      const answer = answers[prompt];
      if (answer === undefined) throw new PosError('CANCELLED', `the clerk has no answer to ${prompt}`);
      return answer;
    },
    show: (zh) => {
      if (zh === '请刷卡') wantCard(turn);
      else if (zh === '请持卡人输入密码') tell({ kind: 'wants', what: 'PIN' });
    },
    customer: () => undefined,
    slip: () => undefined,
    device: () => undefined,
    padKey: () => undefined,
    begin: () => {
      abort = new AbortController();
    },
    get signal() {
      return abort.signal;
    },
  };
}

async function start(settings: Partial<TerminalConfig>): Promise<{ terminal: Terminal }> {
  const config = terminalConfig(settings);
  const port = (fd: number) => new PipePort(new Socket({ fd, readable: true, writable: true }));
  const devices = openDevices({
    reader: port(FILES.reader),
    pinPad: port(FILES.pinPad),
    printer: port(FILES.printer),
    clock: nodeClock,
  });
  const note = (facts: object, text: string) =>
    void process.stderr.write(`${text} ${JSON.stringify(facts)}\n`);
  const terminal = await startTerminal({
    clock: nodeClock,
    random: nodeRandom,
    disk: watchedDisk(await openNodeDisk(config.journalDirectory)),
    wire: watchedWire(
      tcpWire({
        address: config.hostAddress,
        port: config.hostPort,
        connectTimeoutMs: config.connectTimeoutSeconds * 1000,
      }),
    ),
    devices,
    clerk: clerkOf(config, () => devices.reader.state() === 'busy'),
    log: { info: () => undefined, warn: note, error: note },
    passwordHash: nodePasswordHash,
    config,
  });
  return { terminal };
}

function standingOf({ state }: Terminal): Standing {
  const { batch, settlement, transactions } = state;
  return {
    batch,
    inBatch: transactions.filter((one) => one.batch === batch).length,
    settling: settlement !== null,
  };
}

let running: Terminal | undefined;

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'start': {
      const { terminal } = await start(order.settings);
      running = terminal;
      tell({ kind: 'started', standing: standingOf(terminal), tornBytes: terminal.repair?.tornBytes ?? 0 });
      return;
    }
    case 'command': {
      if (running === undefined) throw new PosError('NOT_ALLOWED_NOW', 'the terminal is not started');
      turn += 1;
      enter('in a command');
      const result = await running.command(order.line);
      turn += 1;
      enter('between commands');
      tell({ kind: 'ended', result, standing: standingOf(running) });
      return;
    }
    case 'stop':
      await running?.stop();
      process.exit(0);
  }
}

// The probe has let go of the channel; orders keep a terminal alive.
process.channel?.ref();
process.on('message', (order: Order | string) => {
  if (typeof order === 'string') return;
  obey(order).catch((error: unknown) => {
    const code = error instanceof PosError ? error.code : 'INVARIANT';
    const detail = error instanceof Error ? error.message : 'unknown';
    tell({ kind: 'refused', code, detail });
  });
});
tell({ kind: 'listening' });
