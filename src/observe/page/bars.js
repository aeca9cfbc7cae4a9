// bars.js - where rows and times are in the picture, and the bars of each row, as pixels of our own.
//
// A column of pixels in which several things happened is divided among them from below, as they took time:
// running, ready, the rest. One in which a thread did one thing only has that one's height: running fills
// its lane, ready nearly, blocked is half as high. So states are told by more than their colour.
'use strict';

// CSS pixels. Names stand left of the bars; rows are as high as there is room for, within bounds.
const NAMES = 230, NAMES_NARROW = 112, NARROW = 600, RULER = 26, PROCESS = 24;
const LANE_LEAST = 24, LANE_MOST = 38, BAR_SHARE = 0.66;
const FROM_BELOW = [RUNNING, READY, NEW, TERMINATED, UNSEEN, ASLEEP, BLOCKED];
const HEIGHTS = {[NEW]: 0.75, [READY]: 0.75, [RUNNING]: 1, [BLOCKED]: 0.5, [TERMINATED]: 0.25,
	[ASLEEP]: 0.5, [UNSEEN]: 0.25};
const ARROWS_MOST = 300;
const ARROW_LEAST = 6, PATH_LEAST = 4, LABEL_LEAST = 44; // pixels of a bar that gets one

class Bars {
	constructor(canvas, recording) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d');
		this.recording = recording;
		this.begin = 0;
		this.end = Math.max(1, recording.duration);
		this.scroll = 0;
		this.closed = new Set(); // processes whose lanes are not shown
		this.visible = this.gutter = 0; // until resize()
		this.layOut();
		this.readColours();
	}

	// ---- where things are ----

	// A row for each thread, above those of a process that has several one for the process.
	layOut() {
		const lanes = this.recording.lanes;
		this.rows = [];
		this.rowOfLane = new Int32Array(lanes.length).fill(-1);
		this.foldedIn = []; // the row of its process, of a lane that is not shown
		this.lane = this.laneHeight();
		this.bar = Math.round(this.lane * BAR_SHARE);
		this.height = RULER;
		lanes.forEach(({process}, i) => {
			const begins = lanes[i - 1]?.process !== process;
			const several = !begins || lanes[i + 1]?.process === process;
			if (begins && several)
				this.addRow({process, height: PROCESS});
			if (several && this.closed.has(process)) {
				this.foldedIn[i] = this.rows.length - 1;
				return;
			}
			this.rowOfLane[i] = this.rows.length;
			this.addRow({process, lane: i, several, height: this.lane});
		});
	}

	laneHeight() {
		const room = (this.visible - RULER) / Math.max(1, this.recording.lanes.length);
		return Math.min(LANE_MOST, Math.max(LANE_LEAST, Math.floor(room)));
	}

	addRow(row) {
		row.y = this.height - RULER;
		this.height += row.height;
		this.rows.push(row);
	}

	resize(width, height, ratio) {
		this.width = width;
		this.gutter = width < NARROW ? NAMES_NARROW : NAMES;
		this.image = new ImageData(Math.max(1, Math.round(width * ratio)),
			Math.max(1, Math.round(height * ratio)));
		this.canvas.width = this.across = this.image.width;
		this.canvas.height = this.down = this.image.height;
		this.buffer = new Uint32Array(this.image.data.buffer);
		this.visible = height;
		this.ratio = ratio;
		this.columns = Math.max(1, Math.round((width - this.gutter) * ratio));
		this.shares = new Float64Array(this.columns * STATE_COUNT);
		this.layOut();
	}

	readColours() {
		const style = getComputedStyle(document.documentElement);
		const value = name => style.getPropertyValue(`--${name}`).trim();
		this.colours = {};
		for (const name of ['back', 'row', 'text', 'soft', 'line', 'mark', 'label'])
			this.colours[name] = value(name);
		this.pixels = Uint32Array.from(STATES, name => pixelOf(value(name)));
		this.background = pixelOf(this.colours.back);
		this.back = pixelOf(this.colours.row);
	}

	timeAt(x) {
		return this.begin + (x - this.gutter) / (this.width - this.gutter) * (this.end - this.begin);
	}

	xOf(time) {
		return this.gutter + (time - this.begin) / (this.end - this.begin) * (this.width - this.gutter);
	}

	rowAt(y) {
		const at = y - RULER + this.scroll;
		let low = 0, high = this.rows.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.rows[middle].y + this.rows[middle].height <= at)
				low = middle + 1;
			else
				high = middle;
		}
		return y >= RULER ? this.rows[low] : undefined;
	}

	yOf(lane) {
		const row = this.rows[this.rowOfLane[lane]];
		return row ? RULER + row.y - this.scroll + this.lane / 2 : undefined;
	}

	// Where an arrow from or to it is drawn: at the row of its process, if that is folded.
	endOf(lane) {
		const row = this.rows[this.foldedIn[lane]];
		return row ? RULER + row.y - this.scroll + row.height / 2 : this.yOf(lane);
	}

	// The span at this place, of those that are narrow the one that took longest; or -1.
	spanAt(x, y) {
		const row = this.rowAt(y);
		if (row?.lane === undefined || x < this.gutter)
			return -1;
		const {from, to, first} = this.recording, end = this.timeAt(x + 2);
		let best = -1;
		for (let span = this.recording.after(row.lane, this.timeAt(x - 2));
			span < first[row.lane + 1] && from[span] <= end; span++) {
			if (from[span] <= this.timeAt(x) && to[span] >= this.timeAt(x) &&
				this.xOf(to[span]) - this.xOf(from[span]) > 4)
				return span;
			if (best < 0 || to[span] - from[span] > to[best] - from[best])
				best = span;
		}
		return best;
	}

	// ---- moving ----

	show(begin, end) {
		const least = 100, most = Math.max(1, this.recording.duration);
		const span = Math.min(most, Math.max(least, end - begin));
		this.begin = Math.min(Math.max(0, begin), most - span);
		this.end = this.begin + span;
	}

	// Nearer or farther; what is at this time stays where it is.
	zoom(factor, time) {
		this.show(time - (time - this.begin) * factor, time + (this.end - time) * factor);
	}

	pan(fraction) {
		const by = fraction * (this.end - this.begin);
		this.show(this.begin + by, this.end + by);
	}

	// ---- bars ----

	// What gets words, arrows and dots is kept in `labels`, `wakes` and `dots`, of the rows in sight.
	draw() {
		this.buffer.fill(this.background);
		this.labels = [];
		this.wakes = [];
		this.dots = [];
		this.shown = this.rows.filter(row => row.y + row.height > this.scroll &&
			row.y < this.scroll + this.visible);
		for (const row of this.shown)
			if (row.lane !== undefined)
				this.drawLane(row);
			else
				this.drawBack(row);
		this.context.setTransform(1, 0, 0, 1, 0, 0);
		this.context.putImageData(this.image, 0, 0);
	}

	// Of a process.
	drawBack(row) {
		const top = Math.round((RULER + row.y - this.scroll) * this.ratio);
		const end = Math.round((RULER + row.y + row.height - this.scroll) * this.ratio);
		this.buffer.fill(this.back, Math.max(0, top) * this.across, Math.max(0, end) * this.across);
	}

	drawLane(row) {
		const recording = this.recording, lane = row.lane;
		const first = recording.after(lane, this.begin), end = recording.first[lane + 1];
		if (first >= end || recording.from[first] >= this.end)
			return;
		this.shares.fill(0);
		this.scale = this.columns / (this.end - this.begin);
		this.row = row;
		this.gather(recording.levels.length, lane, 0);
		const top = Math.round((RULER + row.y - this.scroll + (this.lane - this.bar) / 2) * this.ratio);
		const height = Math.round(this.bar * this.ratio);
		for (let column = 0; column < this.columns; column++)
			this.drawColumn(column, top, height);
	}

	// Adds to `shares` what the spans of a level's groups did; looks inside of a group only where that can be
	// seen. Level 0 are the spans themselves.
	gather(level, lane, from, to = Infinity) {
		const recording = this.recording, base = recording.first[lane];
		const size = GROUP ** level, count = recording.first[lane + 1] - base;
		const groups = Math.min(to, Math.ceil(count / size));
		for (let group = from; group < groups; group++) {
			const first = base + group * size, last = base + Math.min(count, (group + 1) * size) - 1;
			if (recording.to[last] <= this.begin)
				continue;
			if (recording.from[first] >= this.end)
				return;
			if (level === 0)
				this.addSpan(first);
			else if ((recording.to[last] - recording.from[first]) * this.scale < 1)
				this.addGroup(recording.levels[level - 1], lane, group, recording.from[first]);
			else
				this.gather(level - 1, lane, group * GROUP, (group + 1) * GROUP);
		}
	}

	addGroup(level, lane, group, from) {
		const column = this.columnOf(from);
		const at = (level.first[lane] + group) * STATE_COUNT;
		for (let state = 0; state < STATE_COUNT; state++)
			this.shares[column * STATE_COUNT + state] += level.sums[at + state] * this.scale;
	}

	columnOf(time) {
		const column = Math.floor((time - this.begin) * this.scale);
		return Math.min(this.columns - 1, Math.max(0, column));
	}

	addSpan(span) {
		const recording = this.recording, state = recording.state[span];
		const x0 = Math.max(0, (recording.from[span] - this.begin) * this.scale);
		const x1 = Math.min(this.columns, (recording.to[span] - this.begin) * this.scale);
		for (let column = Math.floor(x0); column < x1; column++)
			this.shares[column * STATE_COUNT + state] +=
				Math.min(x1, column + 1) - Math.max(x0, column);
		if (x1 - x0 > LABEL_LEAST * this.ratio)
			this.labels.push({span, row: this.row, x: this.gutter + x0 / this.ratio,
				width: (x1 - x0) / this.ratio});
		if (x1 - x0 > ARROW_LEAST * this.ratio && recording.isWait(span) && recording.to[span] <= this.end)
			this.addEnd(span);
	}

	// What ended a wait: another lane, or none of them. At the end of the recording nobody had.
	addEnd(span) {
		const ends = this.recording.other[span] >= 0 ? this.wakes :
			this.recording.to[span] < this.recording.duration ? this.dots : [];
		if (ends.length <= ARROWS_MOST)
			ends.push(span);
	}

	drawColumn(column, top, height) {
		const at = column * STATE_COUNT;
		let total = 0, states = 0, only = 0;
		for (let state = 0; state < STATE_COUNT; state++)
			if (this.shares[at + state] > 0) {
				total += this.shares[at + state];
				states++;
				only = state;
			}
		if (states === 0)
			return;
		const x = Math.round(this.gutter * this.ratio) + column;
		if (states === 1) {
			const bar = Math.max(1, Math.round(height * HEIGHTS[only]));
			this.fill(x, top + ((height - bar) >> 1), bar, this.pixels[only]);
			return;
		}
		let bottom = top + height;
		for (const state of FROM_BELOW) {
			const part = this.shares[at + state];
			if (part <= 0)
				continue;
			const bar = Math.min(bottom - top, Math.max(1, Math.round(height * part / total)));
			bottom -= bar;
			this.fill(x, bottom, bar, this.pixels[state]);
		}
	}

	fill(x, y, height, pixel) {
		const end = Math.min(this.down, y + height) * this.across;
		for (let at = Math.max(0, y) * this.across + x; at < end; at += this.across)
			this.buffer[at] = pixel;
	}
}

// "#rrggbb" as a pixel of canvas memory, which has red in its first byte.
function pixelOf(colour) {
	const number = parseInt(colour.slice(1), 16);
	const bytes = new Uint8Array([number >> 16, number >> 8 & 255, number & 255, 255]);
	return new Uint32Array(bytes.buffer)[0];
}
