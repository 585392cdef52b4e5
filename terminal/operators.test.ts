import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from './host.fixture.ts';
import { nodePasswordHash } from './node-password.ts';
import {
  CASHIER_PASSWORD,
  openShop,
  openShopForBusiness,
  SUPERVISOR_PASSWORD,
  TestClerk,
} from './shop.fixture.ts';

const operators = suite('operators: 99 system, 00 supervisor, 01 to 98 cashiers');

operators('the first start demands passwords for 00 and 99', async () => {
  const clerk = new TestClerk();
  clerk.answers = { firstSupervisor: '2468', firstSystem: '1357' };
  clerk.firstTyped = '12';
  const { terminal } = await openShop({
    host: new TestHost(),
    clerk,
    settings: { supervisorPassword: '', systemPassword: '' },
  });
  assert.equal(Object.keys(terminal.state.operators).sort(), ['00', '99']);
  assert.ok(clerk.said.includes('? firstSupervisor') && clerk.said.includes('? firstSystem'));
  assert.is(clerk.said.filter((line) => line === '? firstSupervisor').length, 2, 'two digits are too few');
  assert.is((await terminal.command('logon 99 1357')).ok, true);
});

operators('three wrong passwords lock an operator for a while, also over a restart', async () => {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  for (let index = 0; index < 3; index += 1) {
    assert.is((await shop.terminal.command('logon 01 9999')).code, 'OPERATOR_REFUSED');
  }
  const { disk, pad, printer, clock, clerk } = shop;
  const { terminal } = await openShop({ host, disk, pad, printer, clock, clerk });
  const locked = await terminal.command(`logon 01 ${CASHIER_PASSWORD}`);
  assert.ok(locked.en.includes('10 more minutes'));
  clock.pass(10 * 60_000);
  assert.is((await terminal.command(`logon 01 ${CASHIER_PASSWORD}`)).ok, true);
});

operators('a wrong number and a wrong password are answered alike', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const number = await terminal.command('logon 77 1111');
  const password = await terminal.command('logon 01 1112');
  assert.equal([number.code, number.en], [password.code, password.en]);
});

operators('the system operator makes no transactions, a cashier manages nobody', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  assert.is((await terminal.command('operator set 02 2222')).code, 'OPERATOR_REFUSED');
  await terminal.command('logon 99 999999');
  assert.is((await terminal.command('sale 1')).code, 'OPERATOR_REFUSED');
  assert.is((await terminal.command('operator set 02 2222')).code, 'OPERATOR_REFUSED');
});

operators('the supervisor makes, changes and removes cashiers', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  await terminal.command(`logon 00 ${SUPERVISOR_PASSWORD}`);
  assert.is((await terminal.command('operator set 02 2222')).ok, true);
  assert.is((await terminal.command('operator set 02 12')).code, 'INPUT_BAD');
  assert.is((await terminal.command('operator remove 02')).ok, true);
  assert.is((await terminal.command('operator remove 00')).code, 'OPERATOR_REFUSED');
  assert.is((await terminal.command('logon 02 2222')).ok, false);
});

operators('passwords are not in the journal', async () => {
  const { disk } = await openShopForBusiness({ host: new TestHost() });
  const text = Buffer.concat([...disk.files.values()]).toString();
  assert.is(text.includes(`"${CASHIER_PASSWORD}"`), false);
});

operators('the hash of this machine is scrypt: 32 bytes, the same again, another under another salt', () => {
  const [salt, other] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const hash = nodePasswordHash('123456', salt);
  assert.is(hash.length, 32);
  assert.ok(hash.equals(nodePasswordHash('123456', salt)));
  assert.not.ok(hash.equals(nodePasswordHash('123456', other)));
});

operators.run();
