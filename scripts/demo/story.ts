/** Tells the day on the screen and keeps what the summary and the proof need: steps, slips, journals. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LinkProxy } from '../../simulators/index.ts';
import type { Outcome, Shop } from './shop.ts';

/** One shop of the demo with its link. */
export interface OpenShop {
  readonly shop: Shop;
  readonly link: LinkProxy;
  readonly terminalId: string;
}

export class Story {
  readonly #folder: string;
  readonly #isLoud: boolean;
  readonly steps: { zh: string; en: string; outcome: string }[] = [];
  readonly slips: { path: string; title: string }[] = [];
  readonly slipTexts: string[] = [];
  readonly journalFolders: string[] = [];

  constructor(folder: string, isLoud: boolean) {
    this.#folder = folder;
    this.#isLoud = isLoud;
  }

  say(line: string): void {
    console.log(line);
  }

  chapter(zh: string, en: string): void {
    console.log(`\n━━ ${zh} · ${en} ${'━'.repeat(Math.max(0, 60 - en.length))}`);
  }

  /** A line of the terminal's window. */
  window(line: string): void {
    if (this.#isLoud) console.log(`   │ ${line}`);
  }

  /**
   * One step, as a clerk would name it. `expected` is `ok`, or the code of the refusal that the step
   * shows; anything else stops the demo, because what follows would prove something else.
   */
  async step(zh: string, en: string, act: () => Promise<Outcome>, expected: string): Promise<Outcome> {
    console.log(`\n● ${zh} · ${en}`);
    const outcome = await act();
    this.steps.push({ zh, en, outcome: `${outcome.code} ${outcome.text}` });
    const isExpected = expected === 'ok' ? outcome.ok : outcome.code === expected;
    if (!isExpected) throw new Error(`${en}: ${outcome.code} ${outcome.text} instead of ${expected}`);
    return outcome;
  }

  note(zh: string, en: string): void {
    console.log(`  ${zh} · ${en}`);
  }

  /** Closes a shop and keeps its slips as text and picture. */
  async close({ shop, link, terminalId }: OpenShop): Promise<void> {
    const slips = shop.devices.printer.slips();
    await shop.close();
    await link.stop();
    this.journalFolders.push(shop.journalFolder);
    const folder = join(this.#folder, 'slips');
    await mkdir(folder, { recursive: true });
    for (const [index, { text, svg, complete }] of slips.entries()) {
      const name = `${terminalId}-${String(index + 1).padStart(2, '0')}`;
      await writeFile(join(folder, `${name}.txt`), text);
      await writeFile(join(folder, `${name}.svg`), svg);
      this.slips.push({
        path: join(folder, `${name}.svg`),
        title: `${name}${complete ? '' : ' (纸尽中断 paper ended)'}`,
      });
      this.slipTexts.push(text);
    }
  }
}
