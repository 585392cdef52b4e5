import { inspect } from 'node:util';
import type { KeyAlgorithm, KeyHandle, KeySpec, KeyUse } from './vault.ts';

/** All that others see of a key. Frozen; inspecting or serialising it shows name, use and check value. */
export class VaultKeyHandle implements KeyHandle {
  readonly name: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  readonly checkValue: string;

  constructor(spec: KeySpec, checkValueHex: string) {
    this.name = spec.name;
    this.use = spec.use;
    this.algorithm = spec.algorithm;
    this.checkValue = checkValueHex;
    Object.freeze(this);
  }

  toJSON(): Pick<KeyHandle, 'name' | 'use' | 'checkValue'> {
    return { name: this.name, use: this.use, checkValue: this.checkValue };
  }

  [inspect.custom](): string {
    return `KeyHandle(${this.name}, ${this.use}, ${this.checkValue})`;
  }
}
