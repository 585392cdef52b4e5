/** Vectors of DUKPT. */
import { aesCipher, BlockCipher, xorInto } from '../cipher/block-cipher.ts';
import {
  type AesDukptKeyType,
  aesDukptInitialKey,
  aesDukptTransactionKey,
  aesDukptUpdateKey,
  aesDukptWorkingKey,
} from '../dukpt/aes-dukpt.ts';
import {
  type TdesDukptPurpose,
  tdesDukptInitialKey,
  tdesDukptKeyFor,
  tdesDukptTransactionKey,
} from '../dukpt/tdes-dukpt.ts';
import { toHex } from '../hex.ts';
import { cmac } from '../mac/cmac.ts';
import { padMethod1 } from '../mac/padding.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import { panField4 } from '../pin/pan-field.ts';
import { type Answers, hex, type Runners, text, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const DUKPT_RUNNERS: Runners = {
  'dukpt.tdes.ik':       (v) => toHex(tdesDukptInitialKey(hex(v, 'bdk'), hex(v, 'ksn'))),
  'dukpt.tdes.txn':      tdesTransaction,
  'dukpt.tdes.pinkey':   (v) => toHex(tdesDukptKeyFor('pin', tdesDukptTransactionKey(hex(v, 'ik'), hex(v, 'ksn')))),
  'dukpt.tdes.mackey':   (v) => toHex(tdesDukptKeyFor('mac request', tdesDukptTransactionKey(hex(v, 'ik'), hex(v, 'ksn')))),
  'dukpt.aes.ik':        (v) => toHex(aesDukptInitialKey(hex(v, 'bdk'), hex(v, 'ikid'))),
  'dukpt.aes.txn':       aesTransaction,
  'dukpt.aes.updatekey': (v) => toHex(aesDukptUpdateKey(hex(v, 'ik'), hex(v, 'ikid'), text(v, 'type') as AesDukptKeyType)),
};

function tdesTransaction(v: Values): Answers {
  const key = tdesDukptTransactionKey(hex(v, 'ik'), hex(v, 'ksn'));
  const cipher = (purpose: TdesDukptPurpose) => new BlockCipher('3des', tdesDukptKeyFor(purpose, key));
  const data = hex(v, 'data');
  return {
    txnKey: toHex(key),
    encPinBlock: toHex(cipher('pin').encrypt(hex(v, 'clearPinBlock'))),
    macRequest4: toHex(ansiX919Mac(cipher('mac request'), data).subarray(0, 4)),
    macResponse4: toHex(ansiX919Mac(cipher('mac response'), data).subarray(0, 4)),
    cmacRequest: toHex(cmac(cipher('mac request'), data)),
    cmacResponse: toHex(cmac(cipher('mac response'), data)),
    encDataRequest: toHex(cipher('data request').encryptCbc(padMethod1(data, 8))),
    encDataResponse: toHex(cipher('data response').encryptCbc(padMethod1(data, 8))),
  };
}

/** Keys of 256 bits come from transaction keys as long only. */
function aesTransaction(v: Values): Answers {
  const ksn = hex(v, 'ksn');
  const key = aesDukptTransactionKey(hex(v, 'ik'), ksn);
  const types: readonly AesDukptKeyType[] = key.length === 32 ? ['AES128', 'AES256'] : ['AES128'];
  const keys = types.flatMap((type) => [
    [`pin${type}`, aesDukptWorkingKey(key, 'pin encryption', type, ksn)] as const,
    [`macGen${type}`, aesDukptWorkingKey(key, 'mac generation', type, ksn)] as const,
    [`dataEnc${type}`, aesDukptWorkingKey(key, 'data encryption', type, ksn)] as const,
  ]);
  const answers = Object.fromEntries(
    [['txnKey', key] as const, ...keys].map(([name, bytes]) => [name, toHex(bytes)]),
  );
  if (typeof v['pinField'] !== 'string') return answers;
  // The vector gives the PIN field whole: format 4 from there on.
  const pin = aesCipher(aesDukptWorkingKey(key, 'pin encryption', 'AES128', ksn));
  const middle = pin.encrypt(hex(v, 'pinField'));
  xorInto(middle, panField4(text(v, 'pan')));
  return { ...answers, encPinBlock: toHex(pin.encrypt(middle)) };
}
