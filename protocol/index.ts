/** The one door of protocol/: how messages look. Pure: no sockets, clock, files or cryptography. */
export * from './business-date.ts';
export { codec, compileCodec, encodeWithMac } from './codec.ts';
export * from './de-layouts.ts';
export * from './de48.ts';
export * from './de57.ts';
export * from './describe.ts';
export * from './errors.ts';
export * from './fields.ts';
export * from './frame.ts';
export * from './message.ts';
export * from './money.ts';
export * from './pan.ts';
export * from './response-codes.ts';
export * from './tlv.ts';
export * from './track.ts';
export * from './transactions.ts';
export type { FieldTable, Place, Walk } from './walk.ts';
