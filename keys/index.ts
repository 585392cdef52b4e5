/** The only door to the keys room: the vault for the project's own parts, and the standards' functions. */

export { cardVerificationValue } from './card/card-verification-value.ts';
export { emvArpc1, emvCommonSessionKey, emvMasterKeyA } from './card/emv.ts';
export { decryptTrackBlock, encryptTrackBlock, trackDataBlockAt } from './card/track-encryption.ts';
export type { Desk } from './ceremony/desk.ts';
export { nodeDesk } from './ceremony/node-desk.ts';
export { typedComponent } from './ceremony/typed-component.ts';
export {
  AUTHORITY_NAME,
  type CertificateContent,
  fromPem,
  HOST_NAME,
  PURPOSES,
  type Purpose,
  pemOf,
} from './certificates/certificate.ts';
export {
  buildCertificateRequest,
  type CertificateRequest,
  readCertificateRequest,
} from './certificates/certificate-request.ts';
export {
  type CertificateExpectation,
  type CheckedCertificate,
  checkAuthority,
  checkCertificate,
  parseCertificate,
} from './certificates/check-certificate.ts';
export {
  aesCipher,
  type BlockAlgorithm,
  BlockCipher,
  tdesCipher,
} from './cipher/block-cipher.ts';
export {
  type AesDukptKeyType,
  type AesDukptUsage,
  aesDukptInitialKey,
  aesDukptTransactionKey,
  aesDukptUpdateKey,
  aesDukptWorkingKey,
} from './dukpt/aes-dukpt.ts';
export {
  type TdesDukptPurpose,
  tdesDukptInitialKey,
  tdesDukptKeyFor,
  tdesDukptTransactionKey,
} from './dukpt/tdes-dukpt.ts';
export { fromHex, toHex } from './hex.ts';
export { type KeyBlockHeader, type KeyBlockVersion, parseKeyBlockHeader } from './key-block/header.ts';
export { unwrapKeyBlock, wrapKeyBlock } from './key-block/key-block.ts';
export type { OptionalBlock } from './key-block/optional-blocks.ts';
export { KeyBlockProtectionKey } from './key-block/protection-key.ts';
export { KEY_USAGES, refuseForeignUsage, type WantedKey } from './key-block/usages.ts';
export {
  consistencyProof,
  inclusionProof,
  merkleLeaf,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from './log/merkle-tree.ts';
export { verifySignedNote } from './log/signed-note.ts';
export { cmac } from './mac/cmac.ts';
export { iso9797Mac1, iso9797Mac2, iso9797Mac3, iso9797Mac4 } from './mac/iso-9797-1.ts';
export { type PaddingMethod, padMethod1, padMethod2, padMethod3 } from './mac/padding.ts';
export { unionPayEcbMac } from './mac/unionpay-ecb-mac.ts';
export { ansiX99Mac, ansiX919Mac } from './mac/x9-mac.ts';
export { aesCheckValue, checkValue, hmacCheckValue, WIRE_CHECK_BYTES } from './material/check-value.ts';
export { checkKey, combineComponents, withOddParity } from './material/key-quality.ts';
export { keyVariant, type ThalesScheme, thalesVariantEncrypt } from './material/key-variant.ts';
export { ibm3624Offset, ibm3624Pin, pinValidationData } from './pin/ibm-3624.ts';
export {
  decodePinBlock0,
  decodePinBlock1,
  decodePinBlock2,
  decodePinBlock3,
  decodePinBlockSm4,
  encodePinBlock0,
  encodePinBlock1,
  encodePinBlock2,
  encodePinBlock3,
  encodePinBlockSm4,
  type Random,
} from './pin/pin-block.ts';
export { decipherPinBlock4, encipherPinBlock4 } from './pin/pin-block-4.ts';
export type { PanBoundFormat } from './pin/pin-formats.ts';
export { type PinBlockKey, translatePinBlock } from './pin/translate-pin-block.ts';
export { visaPvv } from './pin/visa-pvv.ts';
export { openTokenVault } from './pkcs11/open-token-vault.ts';
export type { KeyPackageBinding, RemoteLoading } from './remote/remote-loading.ts';
export { sameBytes } from './same-bytes.ts';
export { secretBuffer } from './secret-buffer.ts';
export { sm2Decrypt, sm2Encrypt } from './sm/sm2-encryption.ts';
export { SM2_DEFAULT_ID, sm2PublicKey, sm2Sign, sm2Verify, sm2Za } from './sm/sm2-signature.ts';
export { sm3 } from './sm/sm3.ts';
export { sm4GcmDecrypt, sm4GcmEncrypt } from './sm/sm4-gcm.ts';
export { nodeKeyFile } from './vault/node-key-file.ts';
export { nodeKeyLog } from './vault/node-key-log.ts';
export { openSoftVault } from './vault/open-vault.ts';
export { selfTest } from './vault/self-test.ts';
export {
  type KeyAlgorithm,
  type KeyFilePort,
  type KeyHandle,
  type KeyMode,
  type KeySpec,
  type KeyUse,
  MAC_ALGORITHMS,
  type MacAlgorithm,
  type PinReference,
  type SealedKeys,
  type Vault,
  type WorkingKeys,
} from './vault/vault.ts';
