/** The one door of protocol/: how messages look. Pure: no sockets, clock, files or cryptography. */
export * from './business-date.ts';
export { codec, compileCodec, encodeWithMac } from './codec.ts';
export * from './errors.ts';
export * from './fields.ts';
export * from './message.ts';
export * from './money.ts';
export * from './pan.ts';
export type { FieldTable, Place, Walk } from './walk.ts';
