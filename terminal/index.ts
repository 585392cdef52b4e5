/** The terminal's door. */
export * from './devices/index.ts';
export * from './receipt/index.ts';
