/** The vault over a real token, SoftHSM2: what every vault promises, then what a token adds. */
import { rejects, throws } from 'node:assert/strict';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { type KeyEvent, LOG_BEGINS } from '../vault/key-log.ts';
import { vaultSuite } from '../vault/shared-suite.ts';
import { code, memoryVault, PAN, split, TMK_HEX, TMK_PARTS, vaultWithTmk } from '../vault/vault.fixture.ts';
import type { KeyAlgorithm, KeyHandle, KeyUse, Vault } from '../vault/vault.ts';
import { LEFT_OUT, newToken, SOFT_HSM_LIBRARY, softHsmFolder, USER_PIN } from './node-soft-hsm.fixture.ts';
import { openTokenVault, type TokenVaultOptions } from './open-token-vault.ts';
import { Token, type TokenObject } from './token.ts';

const now = () => Date.UTC(2026, 10, 22, 8);
const TMK = { name: 'tmk:1', use: 'tmk', algorithm: '3des', components: TMK_PARTS } as const;

if (SOFT_HSM_LIBRARY === null) {
  const none = suite('no token on this machine');
  none('is said', () => console.log(LEFT_OUT));
  none.run();
} else {
  const library = SOFT_HSM_LIBRARY;
  const { remove } = softHsmFolder();
  process.once('exit', remove);
  const newOptions = async (more: Partial<TokenVaultOptions> = {}) => ({
    ...(await newToken(library)),
    now,
    ...more,
  });
  vaultSuite('token', {
    open: async (testMode = false) => openTokenVault(await newOptions({ testMode })),
    home: async () => {
      const options = await newOptions();
      return () => openTokenVault(options);
    },
    terminals: ['3des'],
    privateKeys: false,
  });
  tokenSuite(newOptions);
}

function tokenSuite(newOptions: (more?: Partial<TokenVaultOptions>) => Promise<TokenVaultOptions>): void {
  const inside = suite('keys stay in the token');

  inside(
    'a key that came in as components cannot be read there, nor wrapped, and the master key does nothing but wrap',
    async () => {
      const options = await newOptions();
      (await openTokenVault(options)).createFromComponents(TMK);
      const token = await Token.open(options);
      const { ck } = token;
      const [tmk, ...more] = token.find([{ type: ck.CKA_LABEL, value: TMK.name }]);
      const [master] = token.find([{ type: ck.CKA_LABEL, value: 'zunka master key' }]);
      assert.ok(tmk !== undefined && master !== undefined && more.length === 0);
      const refused = (what: string, act: () => unknown) =>
        throws(act, (error) => error instanceof PosError && error.detail.includes(what));
      refused('CKR_ATTRIBUTE_SENSITIVE', () => token.attribute(tmk, ck.CKA_VALUE));
      refused('CKR_ATTRIBUTE_SENSITIVE', () => token.attribute(master, ck.CKA_VALUE));
      refused('CKR_KEY_UNEXTRACTABLE', () => token.wrap({ mechanism: ck.CKM_AES_KEY_WRAP }, master, tmk, 24));
      refused('CKR_KEY_FUNCTION_NOT_PERMITTED', () =>
        token.encrypt(
          { mechanism: ck.CKM_AES_CBC, parameter: Buffer.alloc(16) },
          master,
          Buffer.alloc(16),
          16,
        ),
      );
      token.close();
    },
  );

  inside('the token itself refuses to decrypt under a MAC key', async () => {
    const options = await newOptions();
    const vault = await openTokenVault(options);
    vault.generate({ name: 'mac', use: 'mac', algorithm: '3des' });
    const token = await Token.open(options);
    const { ck } = token;
    const [whole, left] = token.find([{ type: ck.CKA_LABEL, value: 'mac' }]);
    for (const object of [whole, left])
      throws(
        () => token.decrypt({ mechanism: ck.CKM_DES3_ECB }, object as TokenObject, Buffer.alloc(8), 8),
        /CKR_KEY_FUNCTION_NOT_PERMITTED/,
      );
    token.close();
  });

  const lost = suite('a session to the token that is lost is opened again, without a restart');

  /** Ends every session at the token, as its own tools or a pulled cable do. */
  async function closeAllSessions({ library, label }: TokenVaultOptions): Promise<void> {
    const { default: ck } = await import('pkcs11js');
    const module = new ck.PKCS11();
    module.load(library);
    const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label);
    assert.ok(slot);
    module.C_CloseAllSessions(slot);
  }

  /** Everything that a host asks of a token in a day, as texts that are the same each time. */
  async function atWork() {
    const options = await newOptions();
    const vault = await openTokenVault(options);
    const tmk = vault.createFromComponents(TMK);
    const made = (name: string, use: KeyUse, algorithm: KeyAlgorithm) =>
      vault.generate({ name, use, algorithm });
    const [data, lookup] = [made('data', 'data', 'aes-256'), made('lookup', 'lookup', 'hmac-sha-256')];
    const cvk = made('cvk', 'card-verification', '3des');
    const { sealed, mak } = vault.makeWorkingKeys(tmk, '003');
    const text = vault.seal(data, Buffer.from('a card'), 'row 1');
    const acts: Readonly<Record<string, () => string>> = {
      'a MAC under a working key': () => vault.mac(mak, Buffer.from('0200'), 'x9.19').toString('hex'),
      'a working key opened again': () => vault.openSealed(sealed.pik).checkValue,
      'a look-up hash': () => vault.lookupHash(lookup, PAN),
      'a sealed text opened': () => vault.unseal(data, text, 'row 1').toString(),
      'a card value': () => vault.cardVerificationValue(cvk, PAN, '3012', '220'),
      'a key found by its name': () => vault.find('cvk')?.checkValue ?? '',
    };
    return { options, vault, acts };
  }

  lost('whatever comes next is done as if nothing had been', async () => {
    const { options, vault, acts } = await atWork();
    for (const [what, act] of Object.entries(acts)) {
      const before = act();
      await closeAllSessions(options);
      assert.is(act(), before, what);
    }
    await closeAllSessions(options);
    assert.is(vault.makeWorkingKeys(vault.find(TMK.name) as KeyHandle, '003').de62.length, 80);
    vault.close();
  });

  lost('in any order, any number of times', async () => {
    const { options, vault, acts } = await atWork();
    const expected = Object.fromEntries(Object.entries(acts).map(([what, act]) => [what, act()]));
    const step = fc.constantFrom('lose', ...Object.keys(acts));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        for (const what of steps)
          if (what === 'lose') await closeAllSessions(options);
          else assert.is(acts[what]?.(), expected[what], what);
      }),
      { numRuns: 15 },
    );
    vault.close();
  });

  /** At work, with the library's object of this vault, whose calls can then be made to fail. */
  const atWorkSeen = async () => {
    const { default: ck } = await import('pkcs11js');
    const loaded: InstanceType<typeof ck.PKCS11>[] = [];
    const original = ck.PKCS11;
    ck.PKCS11 = class extends original {
      constructor() {
        super();
        loaded.push(this);
      }
    };
    const work = await atWork().finally(() => {
      ck.PKCS11 = original;
    });
    const module = loaded.at(-1);
    assert.ok(module);
    return { ...work, module, ck };
  };

  lost('what a failing token did all the same is not done twice: it is looked for first', async () => {
    const { vault, options, module, ck } = await atWorkSeen();
    /** The next such call is done, and says that the device failed. */
    const failsOnce = (name: 'C_CopyObject' | 'C_DestroyObject') => {
      const call = module[name].bind(module) as (...args: readonly unknown[]) => unknown;
      Object.assign(module, {
        [name]: (...args: readonly unknown[]) => {
          call(...args);
          Object.assign(module, { [name]: call });
          throw Object.assign(new Error(`CKR_DEVICE_ERROR:${ck.CKR_DEVICE_ERROR}`), {
            code: ck.CKR_DEVICE_ERROR,
          });
        },
      });
    };
    const named = async (name: string) => {
      const other = await openTokenVault(options);
      const found = other.names().filter((one) => one.name === name).length;
      other.close();
      return found;
    };
    failsOnce('C_CopyObject');
    const key = vault.generate({ name: 'zone-pin', use: 'pin', algorithm: '3des' });
    assert.is(vault.find('zone-pin')?.checkValue, key.checkValue);
    assert.is(await named('zone-pin'), 1);
    failsOnce('C_DestroyObject');
    vault.destroy('zone-pin');
    assert.is(vault.find('zone-pin'), undefined);
    assert.is(await named('zone-pin'), 0);
    vault.close();
  });

  for (const ckr of ['CKR_DEVICE_REMOVED', 'CKR_SESSION_HANDLE_INVALID', 'CKR_TOKEN_NOT_PRESENT'] as const)
    lost(`${ckr} from the token: TOKEN_FAILED while it is away, and it serves when it is back`, async () => {
      const { vault, acts, module, ck } = await atWorkSeen();
      const act = acts['a look-up hash'] as () => string;
      const before = act();
      const { C_SignInit, C_OpenSession } = module;
      const gone = () => {
        throw Object.assign(new Error(`${ckr}:${ck[ckr]}`), { code: ck[ckr] });
      };
      Object.assign(module, { C_SignInit: gone, C_OpenSession: gone });
      throws(act, (error) => code('TOKEN_FAILED')(error) && String(error).includes(ckr));
      throws(act, code('TOKEN_FAILED'));
      Object.assign(module, { C_SignInit, C_OpenSession });
      assert.is(act(), before);
      vault.close();
    });

  lost('a vault that was closed opens no session again', async () => {
    const { options, vault, acts } = await atWork();
    await closeAllSessions(options);
    vault.close();
    throws(() => acts['a look-up hash']?.(), code('KEY_UNKNOWN'));
  });

  lost.run();

  inside('SM4 is refused, and says where to turn', async () => {
    const vault = await openTokenVault(await newOptions());
    const spec = { name: 'tmk:sm4', use: 'tmk', algorithm: 'sm4' } as const;
    throws(() => vault.generate(spec), code('KEY_BAD'));
    throws(() => vault.createFromComponents({ ...spec, components: TMK_PARTS }), code('KEY_BAD'));
    assert.equal(vault.names(), []);
  });

  inside(
    'a working key that made room is opened again by its text, and by whoever holds its handle',
    async () => {
      const { vault, tmk } = await vaultWithTmk(async () =>
        openTokenVault(await newOptions({ openedMax: 2 })),
      );
      const data = Buffer.from('0200');
      const made = [1, 2, 3].map(() => vault.makeWorkingKeys(tmk, '003'));
      const macs = made.map(({ mak }) => vault.mac(mak, data, 'x9.19'));
      for (const [index, { mak, sealed }] of made.entries()) {
        const mac = macs[index] as Buffer;
        assert.ok(vault.verifyMac(vault.openSealed(sealed.mak), data, mac, 'x9.19'));
        assert.ok(vault.verifyMac(mak, data, mac, 'x9.19'));
      }
    },
  );

  inside('what another process made meanwhile is found; what it destroyed is unknown', async () => {
    const options = await newOptions();
    const one = await openTokenVault(options);
    const other = await openTokenVault(options);
    const tmk = one.createFromComponents(TMK);
    const found = other.find(TMK.name);
    assert.is(found?.checkValue, tmk.checkValue);
    one.destroy(TMK.name);
    throws(() => other.makeWorkingKeys(found as KeyHandle, '003'), code('KEY_UNKNOWN'));
  });

  inside.run();

  const same = suite('a token and software with the same keys give the same answers');

  same('MACs, card values, PIN references and tracks, whatever the data', async () => {
    const soft = await memoryVault();
    const token = await openTokenVault(await newOptions());
    const parts = split('8C5E6D7F8091A2B3C4D5E6F708192A3B');
    const ring = (vault: Vault) => ({
      vault,
      mac: vault.createFromComponents({ ...keyOf('mac'), components: parts }),
      cvk: vault.createFromComponents({
        ...keyOf('card-verification'),
        components: split('7A5E6D7F8091A2B3C4D5E6F708192A3C'),
      }),
      pvk: vault.createFromComponents({
        ...keyOf('pin-verification'),
        components: split('6B5E6D7F8091A2B3C4D5E6F708192A3D'),
      }),
      pin: vault.createFromComponents({
        ...keyOf('pin'),
        components: split('5C5E6D7F8091A2B3C4D5E6F708192A3E'),
      }),
      track: vault.createFromComponents({
        ...keyOf('track'),
        components: split('4D5E6D7F8091A2B3C4D5E6F708192A3F'),
      }),
    });
    const rings = [ring(soft), ring(token)];
    const both = <T>(act: (one: ReturnType<typeof ring>) => T) => {
      const [first, second] = rings.map(act);
      assert.equal(second, first);
      return first as T;
    };
    const seed = Math.trunc(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    const digits = (length: number) =>
      fc
        .array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
        .map((all) => all.join(''));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), digits(16), digits(6), (bytes, pan, pin) => {
        const data = Buffer.from(bytes);
        both(({ vault, mac }) => vault.mac(mac, data, 'unionpay-ecb'));
        both(({ vault, mac }) => vault.mac(mac, data, 'x9.19'));
        both(({ vault, mac }) => vault.mac(mac, data, 'cmac'));
        both(({ vault, cvk }) => vault.cardVerificationValue(cvk, pan, '3012', '220'));
        both(({ vault, track }) => vault.encryptTrack(track, `${pan}D3012220${pin}`));
        const pinBlock = both(({ vault, pin: pik }) => vault.encryptPinBlock(pik, Buffer.from(pin), pan));
        for (const method of ['ibm3624', 'pvv'] as const)
          both(({ vault, pin: pik, pvk }) =>
            vault.makePinReference({ pik, pinBlock, pan, pvk, method, pvki: '1' }),
          );
      }),
      { seed, numRuns: 40 },
    );
  });

  same('sealed texts have one form: what one sealed under a key, the other opens', async () => {
    const soft = await memoryVault();
    const token = await openTokenVault(await newOptions());
    const components = split(`${TMK_HEX}5C5E6D7F8091A2B3C4D5E6F708192A3E`);
    const spec = { name: 'data', use: 'data', algorithm: 'aes-256', components } as const;
    const [a, b] = [soft.createFromComponents(spec), token.createFromComponents(spec)];
    assert.is(a.checkValue, b.checkValue);
    assert.is(token.unseal(b, soft.seal(a, Buffer.from(PAN), 'card:1'), 'card:1').toString(), PAN);
    assert.is(soft.unseal(a, token.seal(b, Buffer.from(PAN), 'card:1'), 'card:1').toString(), PAN);
    throws(() => token.unseal(b, soft.seal(a, Buffer.from(PAN), 'card:1'), 'card:2'), code('SEAL_BROKEN'));
  });

  same.run();

  const opening = suite('opening a token');

  opening('a wrong PIN, label or library is named with what to check; the PIN is not', async () => {
    const options = await newOptions();
    for (const wrong of [{ pin: '27182818' }, { label: 'another' }, { library: '/nonexistent/lib.so' }])
      await rejects(
        openTokenVault({ ...options, ...wrong }),
        (error) =>
          error instanceof PosError &&
          error.code === 'TOKEN_ABSENT' &&
          !error.detail.includes('27182818') &&
          !error.detail.includes(USER_PIN),
      );
  });

  opening('an empty token is refused where keys must be there', async () => {
    const options = await newOptions();
    await rejects(openTokenVault({ ...options, mustExist: true }), code('TOKEN_ABSENT'));
    (await openTokenVault(options)).close();
    await openTokenVault({ ...options, mustExist: true });
  });

  opening('a token with a test key opens in test mode only', async () => {
    const options = await newOptions();
    const test = await openTokenVault({ ...options, testMode: true });
    const components = split('0123456789ABCDEFFEDCBA9876543210');
    test.createFromComponents({ ...keyOf('pin-verification'), components });
    test.close();
    await rejects(openTokenVault(options), code('KEY_BAD'));
    assert.is((await openTokenVault({ ...options, testMode: true })).names().length, 1);
  });

  opening('what is done to keys is logged; saved() waits for the log and tells when it refused', async () => {
    const events: KeyEvent[] = [];
    let full = false;
    const log = {
      append: async (more: readonly KeyEvent[]) => {
        if (full) throw new PosError('KEY_FILE', 'the disk is full');
        events.push(...more);
        return LOG_BEGINS;
      },
      behind: async () => [],
    };
    const vault = await openTokenVault(await newOptions({ log }));
    vault.createFromComponents({ ...TMK, by: 'anna' });
    vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' });
    vault.destroy('data');
    await vault.saved();
    assert.equal(
      events.map(({ act, subject, by, at }) => [act, subject, by, at]),
      [
        ['key from components', 'tmk:1', 'anna', now()],
        ['key generated', 'data', 'vault', now()],
        ['key destroyed', 'data', 'vault', now()],
      ],
    );
    assert.is(events[0]?.checkValue, '05EE1D');
    full = true;
    vault.generate({ name: 'more', use: 'data', algorithm: 'aes-256' });
    await rejects(vault.saved(), code('KEY_FILE'));
  });

  opening.run();
}

function keyOf<U extends 'mac' | 'card-verification' | 'pin-verification' | 'pin' | 'track'>(use: U) {
  return { name: use, use, algorithm: '3des' } as const;
}
