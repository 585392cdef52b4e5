import { PosError } from './errors.ts';

/**
 * Dates and times of the wire, the slips and the books: UTC+8, whatever the machine's zone. China
 * has had no summer time since 1991, so the offset is a constant.
 */
const OFFSET_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;

/** The date of an instant, YYYYMMDD in UTC+8. @param utcMs milliseconds since 1970-01-01T00:00Z */
export function businessDateOf(utcMs: number): string {
  return localIso(utcMs).slice(0, 10).replaceAll('-', '');
}

interface LocalTime {
  readonly date: string;
  readonly time: string;
  readonly stamp: string;
}

/** The last second that was asked for: a host asks for the present one hundreds of times. */
let last: { readonly second: number; readonly local: LocalTime } | undefined;

/** An instant as DE13 (MMDD), DE12 (hhmmss) and as a person reads it, all in UTC+8. */
export function localTimeOf(utcMs: number): LocalTime {
  const second = Math.floor(utcMs / 1_000);
  if (last?.second === second) return last.local;
  const iso = localIso(utcMs);
  const local = {
    date: iso.slice(5, 7) + iso.slice(8, 10),
    time: iso.slice(11, 19).replaceAll(':', ''),
    stamp: `${iso.slice(0, 10)} ${iso.slice(11, 19)}`,
  };
  last = { second, local };
  return local;
}

/** True for eight digits that name a day of the calendar, years 1000…9999. */
export function isBusinessDate(text: string): boolean {
  return /^[1-9]\d{7}$/.test(text) && fromDayNumber(toDayNumber(text)) === text;
}

/** The day after. Throws DATE_BAD. */
export function nextBusinessDate(yyyymmdd: string): string {
  return addDays(yyyymmdd, 1);
}

/** @param days whole, may be negative. Throws DATE_BAD, also when the result leaves the years 1000…9999. */
export function addDays(yyyymmdd: string, days: number): string {
  const moved = fromDayNumber(checkedDayNumber(yyyymmdd) + days);
  if (!Number.isInteger(days) || !isBusinessDate(moved)) {
    throw new PosError('DATE_BAD', `${days} days from ${yyyymmdd} is no business date`);
  }
  return moved;
}

/** How many days after `from` it is at `to`; negative when it is before. Throws DATE_BAD. */
export function daysBetween(from: string, to: string): number {
  return checkedDayNumber(to) - checkedDayNumber(from);
}

/** 1 Monday … 7 Sunday. Throws DATE_BAD. */
export function weekdayOf(yyyymmdd: string): number {
  // Day 0, 1970-01-01, was a Thursday.
  return ((((checkedDayNumber(yyyymmdd) + 3) % 7) + 7) % 7) + 1;
}

function localIso(utcMs: number): string {
  const local = new Date(utcMs + OFFSET_MS);
  if (Number.isNaN(local.getTime())) throw new PosError('DATE_BAD', `${utcMs} is no instant`);
  return local.toISOString();
}

function checkedDayNumber(yyyymmdd: string): number {
  if (!isBusinessDate(yyyymmdd)) {
    throw new PosError('DATE_BAD', `${JSON.stringify(yyyymmdd)} is not a date YYYYMMDD`);
  }
  return toDayNumber(yyyymmdd);
}

/** Days since 1970-01-01. A day that is not in the calendar rolls over, as Date.UTC does. */
function toDayNumber(yyyymmdd: string): number {
  const year = Number(yyyymmdd.slice(0, 4));
  const month = Number(yyyymmdd.slice(4, 6));
  const day = Number(yyyymmdd.slice(6, 8));
  return Date.UTC(year, month - 1, day) / DAY_MS;
}

function fromDayNumber(days: number): string {
  const date = new Date(days * DAY_MS);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10).replaceAll('-', '');
}
