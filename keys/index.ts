/** The only door to the keys room. */
export { type BlockAlgorithm, BlockCipher } from './block-cipher.ts';
export { cardVerificationValue } from './card-verify.ts';
export { aesCheckValue, checkValue, hmacCheckValue, WIRE_CHECK_BYTES } from './check-value.ts';
export { fromHex, toHex } from './hex.ts';
export { checkKey, combineComponents, withOddParity } from './key-quality.ts';
export { ansiX919Mac, unionPayEcbMac } from './mac.ts';
export { nodeKeyFile } from './node-key-file.ts';
export { decodePinBlock0, decodePinBlockSm4, encodePinBlock0, encodePinBlockSm4 } from './pin-block.ts';
export { ibm3624Offset, ibm3624Pin, pinValidationData, visaPvv } from './pin-verify.ts';
export { selfTest } from './self-test.ts';
export { openSoftVault, type SoftVaultOptions } from './soft-vault.ts';
export { decryptTrackBlock, encryptTrackBlock, trackDataBlockAt } from './track-encryption.ts';
export type {
  KeyAlgorithm,
  KeyFilePort,
  KeyHandle,
  KeyMode,
  KeySpec,
  KeyUse,
  MacAlgorithm,
  PinReference,
  SealedKeys,
  Vault,
  WorkingKeys,
} from './vault.ts';
