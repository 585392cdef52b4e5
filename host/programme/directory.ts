/**
 * The programme's documents as the host looks them up while it works: the latest version of each, from
 * the store's documents table. This object owns the cache; nothing else keeps a copy. Whoever commits a
 * document (the admin door) calls `reload` afterwards, and a spend in judgement keeps what it read.
 */
import { PosError } from '../../protocol/index.ts';
import type { Rule } from '../rules/model.ts';
import { type Place, rulesAt } from '../rules/place.ts';
import type { StorePort } from '../store/port.ts';
import { checkDocument, DOCUMENT_KINDS, referencesOf } from './documents.ts';
import type {
  Branch,
  Company,
  Contract,
  DocumentKind,
  Documents,
  Merchant,
  Programme,
  SalePoint,
  TerminalProfile,
  Tier,
} from './model.ts';
import { Shelf, type Version } from './shelf.ts';

export interface Directory {
  /** Throws NOT_FOUND before the programme's own document is provisioned. */
  readonly programme: Programme;
  /** Each look-up gives undefined when there is no such document. */
  merchant(id: string): Merchant | undefined;
  branch(id: string): Branch | undefined;
  terminal(id: string): TerminalProfile | undefined;
  contract(id: string): Contract | undefined;
  tier(id: string): Tier | undefined;
  company(id: string): Company | undefined;
  salePoint(id: string): SalePoint | undefined;
  rule(id: string): Rule | undefined;
  /** The rules that are valid on a business date, in id order; of a place, those that are not bound to another. */
  rules(businessDate: string, place?: Place): readonly Rule[];
  /** All documents of a kind, in id order. */
  all<K extends DocumentKind>(kind: K): readonly Documents[K][];
  /** Those of a kind behind an id (`''`: from the first), in id order, so many at the most. */
  behind<K extends DocumentKind>(kind: K, id: string, max: number): readonly Documents[K][];
  find<K extends DocumentKind>(kind: K, id: string): Documents[K] | undefined;
  /** The latest version of a document, 0 when there is none: a write makes version + 1. */
  version(kind: DocumentKind, id: string): number;
  /** The documents that a body names and that are not here, as `kind id`: the admin door refuses it with these. */
  missing<K extends DocumentKind>(kind: K, body: Documents[K]): readonly string[];
  /**
   * Reads all documents again, or those of one name: whoever wrote one need not have thousands read. One reading
   * after the other, so that none brings back what an earlier one saw. On failure the cache stays as it was.
   */
  reload(one?: DocumentName): Promise<void>;
}

export interface DocumentName {
  readonly kind: DocumentKind;
  readonly id: string;
}

interface Cache {
  readonly programme: Documents['programme'] | undefined;
  readonly latest: ReadonlyMap<DocumentKind, Shelf>;
  /** By rule id, in id order; newest first: each version that stands on some date. */
  readonly ruleVersions: ReadonlyMap<string, readonly Rule[]>;
}

/** Lists of rules kept, one for each date, shop and tier that was asked for. */
const RULE_LISTS_MAX = 10_000;

/** Instead of a place: all rules of a date. No merchant, branch, trade or tier is called so. */
const NO_PLACE: Place = { merchantId: '', branchId: '', trade: '', tier: '' };

/** Lists of rules by date and place. Looked up for every sale, so by names that are there and not by one made of them. */
class RuleLists {
  /** By date, merchant and branch. */
  readonly #kept = new Map<string, Map<string, Map<string, Kept[]>>>();
  #count = 0;

  at(businessDate: string, place: Place): readonly Rule[] | undefined {
    const ofBranch = this.#kept.get(businessDate)?.get(place.merchantId)?.get(place.branchId);
    // One branch has one trade and sees a handful of tiers: they are looked through.
    return ofBranch?.find(({ trade, tier }) => tier === place.tier && trade === place.trade)?.rules;
  }

  keep(businessDate: string, { merchantId, branchId, trade, tier }: Place, rules: readonly Rule[]): void {
    if (this.#count >= RULE_LISTS_MAX) {
      this.#kept.clear();
      this.#count = 0;
    }
    this.#count += 1;
    const ofDate = inner(this.#kept, businessDate, () => new Map<string, Map<string, Kept[]>>());
    const ofMerchant = inner(ofDate, merchantId, () => new Map<string, Kept[]>());
    inner(ofMerchant, branchId, () => []).push({ trade, tier, rules });
  }
}

interface Kept {
  readonly trade: string;
  readonly tier: string;
  readonly rules: readonly Rule[];
}

function inner<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Throws CONFIG_BAD naming the document and field when one in the store is not sound. */
export async function openDirectory(store: Pick<StorePort, 'scan'>): Promise<Directory> {
  let cache = await readAll(store);
  let lists = new RuleLists();
  let reading: Promise<void> = Promise.resolve();

  // Bodies were checked as they were read, so the kind says the type.
  const find = <K extends DocumentKind>(kind: K, id: string) =>
    cache.latest.get(kind)?.get(id)?.body as Documents[K] | undefined;
  const all = <K extends DocumentKind>(kind: K) =>
    shelfOf(cache, kind)
      .values()
      .map(({ body }) => body as Documents[K]);

  return {
    get programme() {
      const programme = cache.programme;
      if (programme === undefined) throw new PosError('NOT_FOUND', 'no programme is provisioned yet');
      return programme;
    },
    merchant: (id) => find('merchant', id),
    branch: (id) => find('branch', id),
    terminal: (id) => find('terminal', id),
    contract: (id) => find('contract', id),
    tier: (id) => find('tier', id),
    company: (id) => find('company', id),
    salePoint: (id) => find('salePoint', id),
    rule: (id) => find('rule', id),
    rules(businessDate, place) {
      const known = lists.at(businessDate, place ?? NO_PLACE);
      if (known !== undefined) return known;
      const valid = [...cache.ruleVersions.values()].flatMap((versions) =>
        standingOn(versions, businessDate),
      );
      const wanted = place === undefined ? valid : rulesAt(valid, place);
      lists.keep(businessDate, place ?? NO_PLACE, wanted);
      return wanted;
    },
    all,
    behind(kind, id, max) {
      const found = shelfOf(cache, kind).behind(id, max);
      return found.map(({ body }) => body as Documents[typeof kind]);
    },
    find,
    version: (kind, id) => cache.latest.get(kind)?.get(id)?.version ?? 0,
    missing: (kind, body) =>
      referencesOf(kind, body)
        .filter(([wanted, id]) => find(wanted, id) === undefined)
        .map(([wanted, id]) => `${wanted} ${id}`),
    reload(one) {
      const done = reading.then(async () => {
        cache = one === undefined ? await readAll(store) : await readOne(store, cache, one);
        if (one === undefined || one.kind === 'rule') lists = new RuleLists();
      });
      reading = done.catch(() => undefined);
      return done;
    },
  };
}

const shelfOf = ({ latest }: Cache, kind: DocumentKind) => latest.get(kind) as Shelf;

/** @throws CONFIG_BAD */
async function readAll(store: Pick<StorePort, 'scan'>): Promise<Cache> {
  const latest = new Map<DocumentKind, Shelf>();
  for (const kind of DOCUMENT_KINDS) latest.set(kind, new Shelf());
  const rules = new Map<string, Version[]>();
  for await (const page of store.scan('documents')) {
    for (const { kind, id, version, body } of page) {
      const shelf = isKind(kind) ? latest.get(kind) : undefined;
      if (shelf === undefined)
        throw new PosError('CONFIG_BAD', `document ${kind} ${id}: no such kind of document`);
      const row = { version, body: withVersion(kind, body, version) };
      if (version > (shelf.get(id)?.version ?? 0)) shelf.put(id, row);
      if (kind === 'rule') inner(rules, id, () => []).push(row);
    }
  }
  for (const [kind, shelf] of latest) {
    for (const { body } of shelf.values()) checkDocument(kind, body, 'CONFIG_BAD');
  }
  const ruleVersions = inIdOrder([...rules].map(([id, versions]) => [id, reachable(versions)]));
  return { programme: theProgramme(latest.get('programme')?.values() ?? []), latest, ruleVersions };
}

/**
 * The documents of one name are read anew. The shelf is changed at the end, when all of them are known to be sound.
 * @throws CONFIG_BAD; nothing is changed then
 */
async function readOne(
  store: Pick<StorePort, 'scan'>,
  cache: Cache,
  { kind, id }: DocumentName,
): Promise<Cache> {
  const versions: Version[] = [];
  for await (const page of store.scan('documents', { kind, id }))
    for (const { version, body } of page) versions.push({ version, body: withVersion(kind, body, version) });
  const last = versions.reduce<Version | null>(
    (max, row) => (row.version > (max?.version ?? 0) ? row : max),
    null,
  );
  if (last === null) return cache;
  checkDocument(kind, last.body, 'CONFIG_BAD');
  const shelf = shelfOf(cache, kind);
  const programme =
    kind === 'programme'
      ? theProgramme(shelf.get(id) === undefined ? [...shelf.values(), last] : [last])
      : cache.programme;
  const ruleVersions =
    kind === 'rule' ? inIdOrder([...cache.ruleVersions, [id, reachable(versions)]]) : cache.ruleVersions;
  shelf.put(id, last);
  return { ...cache, programme, ruleVersions };
}

function theProgramme(versions: readonly Version[]): Documents['programme'] | undefined {
  if (versions.length > 1)
    throw new PosError('CONFIG_BAD', `${versions.length} programmes are provisioned; a host serves one`);
  return versions[0]?.body as Documents['programme'] | undefined;
}

/** The later of two of one id is kept. */
function inIdOrder(rules: readonly (readonly [string, readonly Rule[]])[]): Cache['ruleVersions'] {
  return new Map([...new Map(rules)].sort(byId));
}

function byId(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** A version stands from its first day until a later one begins; one that a later one overtakes never stands. */
function reachable(versions: readonly Version[]): readonly Rule[] {
  const rules: Rule[] = [];
  let laterBegins = '99999999';
  for (const { body } of [...versions].sort((a, b) => b.version - a.version)) {
    if (!(beginOf(body) < laterBegins)) continue;
    checkDocument('rule', body, 'CONFIG_BAD');
    rules.push(body);
    laterBegins = body.validFrom;
  }
  return rules;
}

/** '' for what is no rule, so that it is checked and named. */
function beginOf(body: unknown): string {
  const begin = (body as Partial<Rule> | null)?.validFrom;
  return typeof begin === 'string' ? begin : '';
}

/** The newest version that has begun, unless it has ended: an older one does not come back. */
function standingOn(newestFirst: readonly Rule[], businessDate: string): readonly Rule[] {
  const begun = newestFirst.find((rule) => rule.validFrom <= businessDate);
  if (begun === undefined) return [];
  return begun.validTo === null || businessDate <= begun.validTo ? [begun] : [];
}

/** The row's version is the truth for a body that carries one (contracts and rules). */
function withVersion(kind: string, body: unknown, version: number): unknown {
  const carriesOne = (kind === 'contract' || kind === 'rule') && typeof body === 'object' && body !== null;
  return carriesOne ? { ...body, version } : body;
}

function isKind(kind: string): kind is DocumentKind {
  return (DOCUMENT_KINDS as readonly string[]).includes(kind);
}
