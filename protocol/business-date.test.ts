import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addDays,
  businessDateOf,
  daysBetween,
  isBusinessDate,
  localTimeOf,
  nextBusinessDate,
  weekdayOf,
} from './business-date.ts';
import { PosError } from './errors.ts';

const dates = suite("business date: UTC+8, whatever the machine's zone");

dates('a day begins at 16:00 UTC', () => {
  assert.is(businessDateOf(Date.UTC(2026, 10, 21, 15, 59, 59, 999)), '20261121');
  assert.is(businessDateOf(Date.UTC(2026, 10, 21, 16, 0, 0, 0)), '20261122');
});

dates('gives DE12, DE13 and the stamp of a slip', () => {
  assert.equal(localTimeOf(Date.UTC(2026, 11, 31, 16, 5, 9)), {
    date: '0101',
    time: '000509',
    stamp: '2027-01-01 00:05:09',
  });
});

dates('does not depend on the zone of the process', () => {
  const before = process.env['TZ'];
  for (const zone of ['America/New_York', 'Asia/Kathmandu', 'UTC']) {
    process.env['TZ'] = zone;
    assert.is(businessDateOf(Date.UTC(2026, 2, 8, 15, 59)), '20260308', zone);
    assert.is(addDays('20261025', 1), '20261026', zone);
  }
  if (before === undefined) delete process.env['TZ'];
  else process.env['TZ'] = before;
});

dates('is eight digits that name a day of the calendar', () => {
  for (const text of ['20260228', '20240229', '20000229', '20261231', '10000101'])
    assert.ok(isBusinessDate(text), text);
  for (const text of [
    '20260229',
    '21000229',
    '20261301',
    '20260431',
    '20260100',
    '2026112',
    '202611220',
    '２０２６１１２２',
    '2026-1-2',
    '',
  ]) {
    assert.not(isBusinessDate(text), text);
  }
});

dates('steps over months, leap days and years', () => {
  assert.is(nextBusinessDate('20261231'), '20270101');
  assert.is(nextBusinessDate('20240228'), '20240229');
  assert.is(addDays('20240301', -1), '20240229');
  assert.is(addDays('20261122', 0), '20261122');
  assert.is(addDays('19700101', -1), '19691231');
  assert.is(daysBetween('20240228', '20240301'), 2);
  assert.is(daysBetween('20261122', '20261122'), 0);
  assert.is(daysBetween('20270101', '20261231'), -1);
});

dates('counts weekdays from Monday 1 to Sunday 7', () => {
  // Known from the calendar: 1949-10-01 a Saturday, 2000-01-01 a Saturday, 2026-11-22 a Sunday.
  assert.equal(['19491001', '20000101', '20261122', '20261123'].map(weekdayOf), [6, 6, 7, 1]);
});

dates('refuses what is no date', () => {
  const isDateBad = (error: unknown) => error instanceof PosError && error.code === 'DATE_BAD';
  for (const act of [
    () => nextBusinessDate('20260230'),
    () => addDays('99991231', 1),
    () => addDays('20261122', 0.5),
    () => addDays('20261122', Number.NaN),
    () => weekdayOf('tomorrow'),
    () => businessDateOf(Number.NaN),
    () => localTimeOf(Number.POSITIVE_INFINITY),
  ]) {
    assert.throws(act, isDateBad);
  }
});

dates.run();
