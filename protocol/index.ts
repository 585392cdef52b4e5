/** The one door of protocol/: how messages look. Pure: no sockets, clock, files or cryptography. */
export * from './business-date.ts';
export * from './errors.ts';
export * from './fields.ts';
export * from './message.ts';
export * from './money.ts';
export * from './pan.ts';
