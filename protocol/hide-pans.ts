import { luhnDigitOf } from './luhn.ts';

/** 13 to 19 digits in one run, or a card's own groups of four; with what a track carries behind them. */
const CANDIDATE = /(?<!\d)(\d{13,19}|\d{4}(?:[ -]\d{4}){2,3}[ -]\d{1,7})(?!\d)([=^]\S*)?/g;
/** Fifteen digits that begin with 8 are a merchant number of the bank-card system, never a card. */
const MERCHANT = /^8\d{14}$/;

/**
 * Masks card numbers and hides tracks in running text: a person who swiped into the wrong prompt, or a
 * caller who put the number into the wrong member, must not find it again in an error or a log.
 *
 * @example hidePans('no card 6277880000000016') is 'no card 627788******0016'
 */
export function hidePans(text: string): string {
  return text.replaceAll(CANDIDATE, (found: string, number: string, track: string | undefined) => {
    const digits = number.replaceAll(/[ -]/g, '');
    const isCard = !MERCHANT.test(digits) && luhnDigitOf(digits.slice(0, -1)) === digits.slice(-1);
    if (track === undefined && !isCard) return found;
    return `${digits.slice(0, 6)}${'*'.repeat(digits.length - 10)}${digits.slice(-4)}${track === undefined ? '' : '[…]'}`;
  });
}
