/** The world outside: devices on virtual serial lines, and a bad line to the host. */
export * from './devices/index.ts';
export * from './link/index.ts';
