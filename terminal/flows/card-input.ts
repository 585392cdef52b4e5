/** Card, PIN and amounts as they come in at the counter. Nothing here is journalled. */
import { checkPan, type Fen, PosError, parseYuan, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import type { CardInHand } from '../exchange/request.ts';
import { wrapColumns } from '../receipt/index.ts';

const SECOND_MS = 1000;

/** An amount in yuan, from the command or from the clerk; never zero. @throws AMOUNT_BAD, CANCELLED */
export async function amountFrom(deps: TerminalDeps, typed: string | undefined): Promise<Fen> {
  const amount = parseYuan(typed ?? (await deps.clerk.ask('amount')));
  if (amount === 0) throw new PosError('AMOUNT_BAD', 'the amount is zero');
  return amount;
}

/**
 * The card by swipe; typed when the profile allows it and the clerk asked for it (`keyed`).
 * @throws TRACK_BAD, PAN_BAD, CANCELLED, DEVICE_SILENT, DEVICE_ABSENT, NOT_ALLOWED_NOW
 */
export async function cardFrom(deps: TerminalDeps, keyed: boolean): Promise<CardInHand> {
  if (keyed) return keyedCard(deps);
  deps.till?.reached('waiting-card');
  const { clerk, config, reader } = deps;
  // The reader is armed before anybody is asked: a card may be quicker than the display.
  const swipe = reader.read({
    timeoutMs: config.cardTimeoutSeconds * SECOND_MS,
    signal: clerk.signal,
    onBadRead: (left) => clerk.show(`读卡错误,请重刷(还可${left}次)`, `bad read, swipe again (${left} more)`),
  });
  // What fails while the prompt is being shown is thrown below, and not before.
  swipe.catch(() => undefined);
  clerk.show('请刷卡', 'swipe the card');
  await display(deps, ['请刷卡', 'SWIPE CARD']);
  const { track2 } = await swipe;
  const { pan, expiry, packed } = track2;
  checkPan(pan);
  // Under the working keys that the message's MAC is made with: nothing signs in between card and answer.
  const isTrackSealed = config.keyMode === '004';
  const de35 = isTrackSealed ? await deps.pinPad.encryptTrack(packed) : packed;
  return { pan, expiry, track2: de35, isTrackSealed, entry: 'S' };
}

async function keyedCard(deps: TerminalDeps): Promise<CardInHand> {
  if (!deps.config.keyedEntry)
    throw new PosError('NOT_ALLOWED_NOW', 'typing card numbers is off (setting keyedEntry)');
  const pan = (await deps.clerk.ask('cardNumber')).replaceAll(' ', '');
  checkPan(pan);
  const expiry = await deps.clerk.ask('expiry');
  if (!/^\d{2}(0[1-9]|1[0-2])$/.test(expiry)) throw new PosError('INPUT_BAD', 'an expiry is YYMM');
  return { pan, expiry, track2: null, isTrackSealed: false, entry: 'M' };
}

/** The PIN block from the pad; null when the holder has none and pressed confirm. @throws CANCELLED */
export async function pinFrom(
  deps: TerminalDeps,
  card: CardInHand,
  amount: Fen | null,
): Promise<Buffer | null> {
  deps.till?.reached('waiting-pin');
  const amountText = amount === null ? '' : yuan(amount);
  deps.clerk.show('请持卡人输入密码', 'the holder enters the PIN');
  deps.clerk.customer([
    amountText === '' ? '余额查询 BALANCE' : `金额 AMOUNT ${amountText}`,
    '请输入密码 ENTER PIN',
  ]);
  const block = await deps.pinPad.enterPin({
    pan: card.pan,
    amountText,
    timeoutMs: deps.config.pinTimeoutSeconds * SECOND_MS,
    signal: deps.clerk.signal,
  });
  return block === 'bypassed' ? null : block;
}

/** The holder's display: four lines of sixteen columns. */
const DISPLAY = { columns: 16, lines: 4 } as const;

/** Shows lines to the customer, each wrapped to the display. A pad that cannot show them never stops a transaction. */
export async function display(deps: TerminalDeps, lines: readonly string[]): Promise<void> {
  deps.clerk.customer(lines);
  const rows = lines.flatMap((line) => wrapColumns(line, DISPLAY.columns)).slice(0, DISPLAY.lines);
  try {
    await deps.pinPad.display(rows);
  } catch (error) {
    deps.log.warn({ code: error instanceof PosError ? error.code : 'unknown' }, 'the holder saw no text');
  }
}
