/** What happens in the three shops: each step as the clerk would see it. */
import type { IssuedCard } from './office.ts';
import type { Outcome } from './shop.ts';
import type { OpenShop, Story } from './story.ts';

type Cards = readonly IssuedCard[];

const SUPERVISOR = { supervisor: '00', supervisorPassword: '246810' };
const CASHIER = { operator: '01', password: '1111' };
const LINES_IN_MID_SLIP = 9;
const REVERSAL_TRIES = 3;

/** The everyday transactions, one lost answer, one empty paper roll, and a settlement that balances. */
export async function hotelDay(story: Story, open: OpenShop, cards: Cards): Promise<void> {
  const { shop, link } = open;
  const [green, red, blue] = cards;
  if (green === undefined || red === undefined || blue === undefined)
    throw new Error('the demo needs three cards');
  const by = ({ personalised }: IssuedCard, pin?: string) => ({
    card: personalised,
    pin: pin ?? personalised.pin,
  });

  await openTheTill(story, open);
  await story.step('查询余额', 'balance', () => shop.type('balance', {}, by(green)), 'ok');
  const first = await story.step(
    '消费 128.00,九折',
    'sale of 128.00 with PIN, 10 % discount',
    () => shop.type('sale 128', {}, by(green)),
    'ok',
  );
  await story.step(
    '消费 80.00,余额不足',
    'sale declined for funds',
    () => shop.type('sale 80', {}, by(red)),
    '51',
  );
  await story.step('密码错', 'wrong PIN', () => shop.type('sale 30', {}, by(green, '000000')), '55');
  const second = await story.step(
    '消费 60.00',
    'sale of 60.00',
    () => shop.type('sale 60', {}, by(blue)),
    'ok',
  );
  await story.step(
    '撤销刚才一笔',
    'void of that sale',
    () => shop.type(`void ${voucherOf(second)}`, { ...SUPERVISOR, confirm: '1' }, by(blue)),
    'ok',
  );
  await story.step(
    '部分退货 64.00',
    'partial refund of 64.00',
    () =>
      shop.type(
        `refund 64 ref=${referenceOf(first)} date=${dateOf(first)}`,
        { ...SUPERVISOR, confirm: '1' },
        by(green),
      ),
    'ok',
  );

  story.note('下一笔的应答将丢失', 'the next answer will be lost on the wire');
  link.dropNextAnswer();
  await story.step(
    '消费 45.00,无应答',
    'sale of 45.00, no answer comes',
    () => shop.type('sale 45', {}, by(blue)),
    'HOST_SILENT',
  );
  await story.step(
    '下一笔先冲正,再消费 36.00',
    'the reversal goes first, then the sale of 36.00',
    () => {
      shop.devices.printer.paper(LINES_IN_MID_SLIP);
      return shop.type('sale 36', {}, by(blue));
    },
    'ok',
  );
  story.note('纸在签购单中途用尽;换纸', 'the paper ended in mid-slip; a new roll goes in');
  shop.devices.printer.refill();
  await story.step(
    '补打:带重打印标记,不动钱',
    'the slip is completed as a reprint; no money moves',
    () => shop.type('paper'),
    'ok',
  );
  const held = await story.step(
    '预授权 500.00',
    'pre-authorisation of 500.00',
    () => shop.type('preauth 500', {}, by(blue)),
    'ok',
  );
  await story.step(
    '预授权完成 420.00,余款退回',
    'completion of 420.00; the rest goes back',
    () => shop.type(`complete 420 auth=${authorisationOf(held)} date=${dateOf(held)}`, {}, by(blue)),
    'ok',
  );
  await story.step('结算,对账平', 'settlement, balanced', () => shop.type('settle', { confirm: '1' }), 'ok');
}

/** A sale whose answer and reversals are lost is set aside: the totals differ, and the host says why. */
export async function wineDay(story: Story, open: OpenShop, cards: Cards): Promise<void> {
  const { shop, link } = open;
  const [green, , blue, gold] = cards;
  if (green === undefined || blue === undefined || gold === undefined)
    throw new Error('the demo needs four cards');
  const by = ({ personalised }: IssuedCard) => ({ card: personalised, pin: personalised.pin });

  await openTheTill(story, open);
  await story.step(
    '消费 888.00,商户承担折扣',
    'sale of 888.00, the merchant funds the discount',
    () => shop.type('sale 888', {}, by(gold)),
    'ok',
  );
  await story.step('消费 199.00', 'sale of 199.00', () => shop.type('sale 199', {}, by(green)), 'ok');
  story.note('网络故障:应答丢失,冲正送不出去', 'a bad line: the answer is lost, and so is every reversal');
  link.dropNextAnswer();
  await story.step(
    '消费 66.00,无应答',
    'sale of 66.00, no answer comes',
    () => shop.type('sale 66', {}, by(gold)),
    'HOST_SILENT',
  );
  for (let attempt = 0; attempt < REVERSAL_TRIES; attempt += 1) link.dropNextRequest();
  await story.step(
    '下一笔前冲正三次不成,主管挂起,消费 120.00',
    'three reversals fail before the next sale; a supervisor sets the debt aside; sale of 120.00',
    () => shop.type('sale 120', { reversalDecision: '2', ...SUPERVISOR }, by(blue)),
    'ok',
  );
  link.dropNextRequest();
  await story.step(
    '结算,对账不平,批上送,差错定名',
    'settlement, unbalanced: batch upload, the difference is named',
    () => shop.type('settle', { confirm: '1' }),
    'ok',
  );
  await story.step(
    '挂起的冲正终于送达',
    'the reversal that was set aside arrives at last',
    () => shop.type('reversal send'),
    'ok',
  );
}

/** Half the discount from each side, and a quiet settlement. */
export async function farmDay(story: Story, open: OpenShop, cards: Cards): Promise<void> {
  const { shop } = open;
  const [green, , blue] = cards;
  if (green === undefined || blue === undefined) throw new Error('the demo needs three cards');
  await openTheTill(story, open);
  await story.step(
    '消费 99.95,双方各担一半',
    'sale of 99.95, discount shared by halves',
    () => shop.type('sale 99.95', {}, { card: green.personalised, pin: green.personalised.pin }),
    'ok',
  );
  await story.step('结算,对账平', 'settlement, balanced', () => shop.type('settle', { confirm: '1' }), 'ok');
}

async function openTheTill(story: Story, { shop }: OpenShop): Promise<void> {
  await story.step(
    '主管登录,设收银员 01',
    'the supervisor logs on and makes cashier 01',
    async () => {
      await shop.type('logon 00', { password: '246810' });
      return shop.type('operator set 01', { newPassword: '1111', ...SUPERVISOR });
    },
    'ok',
  );
  await story.step('收银员登录', 'the cashier logs on', () => shop.type('logon 01', CASHIER), 'ok');
  await story.step('签到,取工作密钥', 'sign-in: new working keys', () => shop.type('signin'), 'ok');
}

const voucherOf = (outcome: Outcome) => onSlip(outcome, /凭证号[^\d]*(\d{6})/);
const referenceOf = (outcome: Outcome) => onSlip(outcome, /参考号[^\d]*(\d{12})/);
const authorisationOf = (outcome: Outcome) => onSlip(outcome, /授权码 AUTH NO +([0-9A-Z]{6})/);
const dateOf = (outcome: Outcome) => onSlip(outcome, /\d{4}[-/](\d{2}[-/]\d{2})/).replaceAll(/\D/g, '');

/** Reads a number off the slip, as a clerk does. */
function onSlip(outcome: Outcome, pattern: RegExp): string {
  const found = pattern.exec(outcome.lines.filter((line) => line.startsWith('| ')).join('\n'))?.[1];
  if (found === undefined) throw new Error(`the slip does not show ${pattern}`);
  return found;
}
