// data.js - the recording, as the page holds it: what every thread did at every moment, in typed arrays.
//
// Model: lane i has the spans first[i] up to first[i + 1], in the order of time, which do not overlap. Times are
// nanoseconds since the recording began; they are whole and exact as numbers. `other` is the lane of who
// ended a wait, took over a CPU or made a thread, -1 if it is not in the recording.
//
// Level k of a lane sums up 4^k spans at a time, so that a picture of all of them needs not look at each.
'use strict';

const NEW = 0, READY = 1, RUNNING = 2, BLOCKED = 3, TERMINATED = 4, ASLEEP = 5, UNSEEN = 6;
const STATES = ['new', 'ready', 'running', 'blocked', 'terminated', 'blocked', 'unseen'];
const STATE_COUNT = STATES.length;
const GROUP = 4;
// In the first byte of a span, beside its state: more numbers follow.
const HAS_CAUSE = 8, HAS_OTHER = 16;

// Numbers of seven bits a byte, the low ones first, in base64.
class Numbers {
	constructor(base64) {
		const text = atob(base64);
		this.bytes = new Uint8Array(text.length);
		for (let i = 0; i < text.length; i++)
			this.bytes[i] = text.charCodeAt(i);
		this.at = 0;
	}

	next() {
		let value = 0, factor = 1, byte;
		do {
			byte = this.bytes[this.at++];
			value += (byte & 127) * factor;
			factor *= 128;
		} while (byte > 127);
		return value;
	}
}

class Recording {
	constructor(told) {
		this.report = told.report;
		this.processes = told.processes;
		this.causes = told.causes;
		this.whys = told.whys;
		this.lanes = told.lanes;
		this.duration = told.report.duration_ns;
		this.makeArrays(told.lanes.reduce((sum, lane) => sum + lane.count, 0));
		told.lanes.forEach((lane, i) => this.readLane(lane, i));
		this.levels = [];
		while (this.makeLevel());
	}

	makeArrays(count) {
		this.first = new Uint32Array(this.lanes.length + 1);
		this.from = new Float64Array(count);
		this.to = new Float64Array(count);
		this.state = new Uint8Array(count);
		this.cause = new Int32Array(count).fill(-1);
		this.other = new Int32Array(count).fill(-1);
		this.otherTid = new Uint32Array(count);
		this.detail = new Uint16Array(count); // running: the CPU; ready: why
	}

	readLane(lane, i) {
		const numbers = new Numbers(lane.spans);
		let span = this.first[i], time = 0;
		for (let n = 0; n < lane.count; n++, span++) {
			const head = numbers.next();
			this.state[span] = head & 7;
			this.from[span] = time + numbers.next();
			this.to[span] = time = this.from[span] + numbers.next();
			this.detail[span] = numbers.next();
			if (head & HAS_CAUSE)
				this.cause[span] = numbers.next();
			if (head & HAS_OTHER) {
				this.otherTid[span] = numbers.next();
				this.other[span] = numbers.next() - 1;
			}
		}
		this.first[i + 1] = span;
		delete lane.spans;
	}

	// ---- sums ----

	// The next level, of sums of the last one. False: that is the last.
	makeLevel() {
		const size = GROUP ** (this.levels.length + 1);
		const first = new Uint32Array(this.lanes.length + 1);
		let most = 0;
		for (let lane = 0; lane < this.lanes.length; lane++) {
			const groups = Math.ceil((this.first[lane + 1] - this.first[lane]) / size);
			first[lane + 1] = first[lane] + groups;
			most = Math.max(most, groups);
		}
		if (most <= 1)
			return false;
		const level = {size, first, sums: new Float64Array(first[this.lanes.length] * STATE_COUNT)};
		for (let lane = 0; lane < this.lanes.length; lane++)
			for (let span = this.first[lane]; span < this.first[lane + 1]; span++) {
				const group = first[lane] + Math.floor((span - this.first[lane]) / size);
				level.sums[group * STATE_COUNT + this.state[span]] +=
					this.to[span] - this.from[span];
			}
		this.levels.push(level);
		return true;
	}

	// ---- questions ----

	laneOf(span) {
		let low = 0, high = this.lanes.length;
		while (high - low > 1) {
			const middle = (low + high) >> 1;
			if (this.first[middle] <= span)
				low = middle;
			else
				high = middle;
		}
		return low;
	}

	// The first span of a lane that ends after this time, or the lane's end.
	after(lane, time) {
		let low = this.first[lane], high = this.first[lane + 1];
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.to[middle] <= time)
				low = middle + 1;
			else
				high = middle;
		}
		return low;
	}

	// The span in which a lane was just before this time, or -1.
	before(lane, time) {
		const span = this.lastBefore(lane, time);
		return span >= 0 && this.to[span] >= time ? span : -1;
	}

	// The last span of a lane that begins before this time, over by then or not; or -1.
	lastBefore(lane, time) {
		let low = this.first[lane], high = this.first[lane + 1];
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.from[middle] < time)
				low = middle + 1;
			else
				high = middle;
		}
		return low > this.first[lane] ? low - 1 : -1;
	}

	// When a lane ran for the last time before this one, or -1.
	lastRun(lane, time) {
		let span = Math.min(this.after(lane, time - 1), this.first[lane + 1] - 1);
		while (span >= this.first[lane] && this.state[span] !== RUNNING)
			span--;
		return span >= this.first[lane] ? Math.min(time, this.to[span]) : -1;
	}

	// What the thread did until this span began, or -1.
	previous(span) {
		const before = span - 1;
		return span > this.first[this.laneOf(span)] && this.to[before] === this.from[span] ?
			before : -1;
	}

	isWait(span) {
		return this.state[span] === BLOCKED || this.state[span] === ASLEEP;
	}

	causeOf(span) {
		return this.causes[this.cause[span]] ?? null;
	}
}

// ---- words ----

const UNITS = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];

function duration(ns) {
	const [factor, unit] = UNITS.find(([size]) => ns >= size) ?? [1, 'ns'];
	const value = ns / factor;
	const digits = factor === 1 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
	return `${value.toFixed(digits)} ${unit}`;
}

function counted(n, word) {
	return `${n} ${word}${n === 1 ? '' : 's'}`;
}

// Of each its share of all of them, in tenths of a percent that add up to 100: what rounding down leaves goes to
// those that lost most by it.
function shares(parts) {
	const whole = parts.reduce((sum, part) => sum + part, 0) || 1;
	const exact = parts.map(part => 1000 * part / whole), tenths = exact.map(Math.floor);
	const left = Math.round(exact.reduce((sum, part) => sum + part, 0)) -
		tenths.reduce((sum, part) => sum + part, 0);
	[...parts.keys()].sort((a, b) => (exact[b] - tenths[b]) - (exact[a] - tenths[a]))
		.slice(0, left).forEach(i => tenths[i]++);
	return tenths.map(part => `${(part / 10).toFixed(1)} %`);
}
