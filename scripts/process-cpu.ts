/** Processor time and memory of other processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's clock ticks a second, on every Linux that we meet. */
const CLOCK_TICKS = 100;
/** Places in what follows the name in /proc/PID/stat. */
const PARENT = 1;
const USER_TIME = 11;
const SYSTEM_TIME = 12;

function fieldsOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
}

/** User and system time of a process with all its threads. @throws when there is no such process */
export function cpuSeconds(pid: number): number {
  const fields = fieldsOf(pid);
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / CLOCK_TICKS;
}

/** Of a process and those that it has started and that live now: what ended in between is not seen. */
export function familyCpuSeconds(pid: number): number {
  let sum = cpuSeconds(pid);
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (Number(fieldsOf(Number(entry))[PARENT]) === pid) sum += cpuSeconds(Number(entry));
    } catch {
      // It ended while we looked.
    }
  }
  return sum;
}

/** Resident memory in MiB. */
export function rssMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1_024);
}
