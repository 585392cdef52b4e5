/** The world outside: devices on virtual serial lines, a bad line to the host, and a small programme to run on it. */
export * from './devices/index.ts';
export * from './link/index.ts';
export * from './programme/index.ts';
