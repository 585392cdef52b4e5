/** Echo 回响测试: is the host there? Nothing is written. */
import { plainAnswer } from '../answer.ts';
import type { Flow } from '../flow.ts';

export const echo: Flow = { act: (j) => plainAnswer(j) };
