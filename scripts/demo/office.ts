/** The programme's office: the host process and its administration, through the documented HTTP API. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ClearingResult, DifferenceRow, Documents, Token } from '../../host/index.ts';
import { ensure, maskPan } from '../../protocol/index.ts';
import {
  type Bureau,
  CARDS,
  type Card,
  type CardSpec,
  componentBodies,
  firstLoadOf,
  issueOf,
  programmeOf,
  twoPersons,
} from '../../simulators/index.ts';
import { ROOT } from '../files.ts';
import { PLACES } from './proof.ts';
import type { Story } from './story.ts';

const START_SECONDS_MAX = 30;
const REASON = '演示 demonstration';
const TOKENS = 'admin-tokens.json';
const PROGRAMME = programmeOf(['hotel', 'wine', 'farm']);
export const TERMINALS = PROGRAMME.terminals;
const MERCHANTS = PROGRAMME.merchants;

const inYuan = (fen: number | null) => (fen === null ? 'none' : (fen / 100).toFixed(2));

export interface IssuedCard {
  readonly spec: CardSpec;
  readonly masked: string;
  readonly personalised: Card;
}

export interface EndOfDay {
  readonly businessDate: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly merchants: readonly {
    readonly nameZh: string;
    readonly nameEn: string;
    readonly sales: number;
    readonly gross: string;
    readonly discount: string;
    readonly net: string;
  }[];
  readonly differences: readonly { readonly zh: string; readonly en: string }[];
}

/** Starts a host on fresh files and waits until it serves. */
export async function openOffice(folder: string, story: Story): Promise<Office> {
  const [acquirerPort, adminPort] = await Promise.all([freePort(), freePort()]);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, TOKENS), JSON.stringify(twoPersons(randomBytes)), { mode: 0o600 });
  const child = spawn(process.execPath, ['--import', 'tsx', 'host/main.ts'], {
    cwd: ROOT,
    env: {
      ...process.env,
      ZUNKA_DATA_FOLDER: folder,
      ZUNKA_ACQUIRER_PORT: String(acquirerPort),
      ZUNKA_ADMIN_PORT: String(adminPort),
      ZUNKA_LOG_FILE: join(folder, 'host.log'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout?.on('data', (text: Buffer) =>
    story.window(text.toString('utf8').trimEnd().replaceAll('\n', '\n   │ ')),
  );
  // Whatever ends the demo ends its host.
  process.once('exit', () => child.kill());
  const office = new Office(folder, acquirerPort, `http://127.0.0.1:${adminPort}`, child, story);
  await office.ready();
  return office;
}

export class Office {
  readonly acquirerPort: number;
  readonly #folder: string;
  readonly #url: string;
  readonly #child: ChildProcess;
  readonly #story: Story;
  /** Of two persons: each brings a component of every key. */
  #tokens: readonly string[] = [];

  constructor(folder: string, acquirerPort: number, url: string, child: ChildProcess, story: Story) {
    this.#folder = folder;
    this.acquirerPort = acquirerPort;
    this.#url = url;
    this.#child = child;
    this.#story = story;
  }

  async ready(): Promise<void> {
    const until = Date.now() + START_SECONDS_MAX * 1000;
    for (;;) {
      try {
        const health = await fetch(`${this.#url}/v1/health`);
        if (health.ok) break;
      } catch (error) {
        if (Date.now() > until || this.#child.exitCode !== null)
          throw new Error('the host did not start', { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const tokens = JSON.parse(await readFile(join(this.#folder, TOKENS), 'utf8')) as readonly Token[];
    this.#tokens = tokens.map(({ token }) => token);
  }

  /** Writes the programme, and enters the keys that custodians share with pads and bureau. */
  async provision(bureau: Bureau, tmkComponents: ReadonlyMap<string, readonly Buffer[]>): Promise<void> {
    for (const [kind, documents] of PROGRAMME.all) {
      for (const document of documents) {
        await this.#call('PUT', `/v1/documents/${kind}/${document.id}`, { document, reason: REASON });
      }
      this.#story.note(`${kind} × ${documents.length}`, documents.map(({ id }) => id).join(', '));
    }
    for (const { name, components } of bureau.shared) await this.#bring(`/v1/keys/${name}`, components);
    for (const [terminalId, components] of tmkComponents) {
      const checkValue = await this.#bring(`/v1/terminals/${terminalId}/tmk`, components);
      this.#story.note(`终端 ${terminalId} 主密钥`, `terminal master key, check value ${checkValue}`);
    }
  }

  /** Each component by another person. @returns check value of the key */
  async #bring(path: string, components: readonly Buffer[]): Promise<string> {
    let told = '';
    for (const [index, body] of componentBodies(components, { reason: REASON }).entries())
      told = (await this.#call<{ checkValue: string }>('PUT', path, body, index)).checkValue;
    return told;
  }

  /** Issues and loads the demo's cards. They work from today: the demo has no tomorrow. */
  async issueCards(bureau: Bureau): Promise<readonly IssuedCard[]> {
    const { businessDate } = await this.#call<{ businessDate: string }>('GET', '/v1/health');
    const issued: IssuedCard[] = [];
    for (const spec of CARDS) {
      const personalised = bureau.personalise(spec);
      await this.#call('PUT', `/v1/cards/${spec.cardId}`, {
        ...issueOf(personalised, businessDate),
        reason: REASON,
      });
      await this.#call('PUT', `/v1/cards/${spec.cardId}/loads/${spec.cardId}-first`, {
        ...firstLoadOf(spec),
        reason: REASON,
      });
      const masked = maskPan(personalised.pan);
      this.#story.note(`开卡 ${masked}`, `${spec.tier}, ${spec.principal / 100} + ${spec.bonus / 100} bonus`);
      issued.push({ spec, masked, personalised });
    }
    return issued;
  }

  nameOf(merchantId: string): string {
    const merchant = MERCHANTS.find(({ id }) => id === merchantId);
    return merchant === undefined ? merchantId : `${merchant.nameZh} ${merchant.nameEn}`;
  }

  /** Cut-over, clearing, and everything exported that the proof reads. */
  async endOfDay(): Promise<EndOfDay> {
    const { closed } = await this.#call<{ closed: string; opened: string }>('POST', '/v1/clearing/cut-over', {
      reason: REASON,
    });
    this.#story.note(`日切:${closed} 已关`, `cut-over: ${closed} is closed`);
    const run = await this.#call<ClearingResult>('POST', '/v1/clearing/runs', {
      businessDate: closed,
      reason: REASON,
    });
    for (const { step, done } of run.steps) this.#story.note(`清算步骤 ${step}`, `done ${done}`);
    const { differences, more } = await this.#call<{
      differences: readonly DifferenceRow[];
      more: boolean;
    }>('GET', `/v1/differences?businessDate=${closed}`);
    ensure(!more, 'the demo tells all differences of its day');
    const named = differences.map((one) => ({
      zh: `${one.terminalId ?? ''} 批次 ${one.batch ?? ''} 凭证 ${one.trace ?? ''}: ${one.causeZh}`,
      en: `${one.kind}: ${one.causeEn}; ours ${inYuan(one.ours)}, theirs ${inYuan(one.theirs)}`,
    }));
    for (const { zh, en } of named) this.#story.note(`差错 ${zh}`, en);
    const out = join(this.#folder, '..');
    await writeFile(join(out, PLACES.books), await this.#text('/v1/books'));
    await writeFile(join(out, PLACES.audit), await this.#text('/v1/journal'));
    // The folder for receivers; the host's own stays as it is.
    const filesFolder = join(out, PLACES.settlement);
    await cp(join(this.#folder, 'settlement'), filesFolder, { recursive: true });
    const names = (await readdir(filesFolder)).sort();
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(filesFolder, name);
        return {
          path,
          sha256: createHash('sha256')
            .update(await readFile(path))
            .digest('hex'),
        };
      }),
    );
    for (const { path, sha256 } of files)
      this.#story.note(path.split('/').at(-1) ?? path, `sha256 ${sha256.slice(0, 16)}…`);
    const merchants = run.merchants.map(({ merchantId, totals }) => {
      const merchant = MERCHANTS.find(({ id }) => id === merchantId) as Documents['merchant'];
      const discount = totals.discountIssuer + totals.discountMerchant;
      return {
        nameZh: merchant.nameZh,
        nameEn: merchant.nameEn,
        sales: totals.rows,
        gross: inYuan(totals.gross),
        discount: inYuan(discount),
        net: inYuan(totals.net),
      };
    });
    for (const m of merchants)
      this.#story.note(
        `${m.nameZh}: 应付 ${m.net}`,
        `${m.nameEn}: gross ${m.gross}, discount ${m.discount}, payable ${m.net}`,
      );
    return { businessDate: closed, files, merchants, differences: named };
  }

  /** Stops the host as an operator would: SIGTERM, and wait. */
  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#child.once('exit', () => resolve());
    });
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** @param person 0 or 1, in the order of the tokens file */
  async #call<T>(method: string, path: string, body?: unknown, person = 0): Promise<T> {
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#tokens[person] ?? ''}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async #text(path: string): Promise<string> {
    const answer = await fetch(this.#url + path, {
      headers: { authorization: `Bearer ${this.#tokens[0] ?? ''}` },
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.text();
  }
}

/** A port that nobody listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}
