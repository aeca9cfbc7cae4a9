// picture.js - draws lanes: bars as pixels of our own, words and arrows over them.
//
// A column of pixels in which several things happened is divided among them from below, as they took time:
// running, ready, the rest. One in which a thread did one thing only has that one's height: running fills
// its lane, ready nearly, blocked is half as high. So states are told by more than their colour.
'use strict';

const GUTTER = 230, RULER = 26, LANE = 22, BAR = 16, PROCESS = 24; // CSS pixels
const FROM_BELOW = [RUNNING, READY, NEW, TERMINATED, UNSEEN, ASLEEP, BLOCKED];
const HEIGHTS = {[NEW]: 0.75, [READY]: 0.75, [RUNNING]: 1, [BLOCKED]: 0.5, [TERMINATED]: 0.25,
	[ASLEEP]: 0.5, [UNSEEN]: 0.25};
const ARROWS_MOST = 300, LABEL_LEAST = 44;

class Picture {
	constructor(canvas, recording) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d');
		this.recording = recording;
		this.begin = 0;
		this.end = Math.max(1, recording.duration);
		this.scroll = 0;
		this.closed = new Set(); // processes whose lanes are not shown
		this.selected = -1;
		this.range = null; // two moments
		this.path = [];    // of the critical path
		this.chain = [];   // spans that were followed
		this.layOut();
		this.readColours();
	}

	// ---- where things are ----

	// A row for each thread, above those of a process that has several one for the process.
	layOut() {
		const lanes = this.recording.lanes;
		this.rows = [];
		this.rowOfLane = new Int32Array(lanes.length).fill(-1);
		this.height = RULER;
		lanes.forEach(({process}, i) => {
			const begins = lanes[i - 1]?.process !== process;
			const several = !begins || lanes[i + 1]?.process === process;
			if (begins && several)
				this.addRow({process, height: PROCESS});
			if (several && this.closed.has(process))
				return;
			this.rowOfLane[i] = this.rows.length;
			this.addRow({process, lane: i, several, height: LANE});
		});
	}

	addRow(row) {
		row.y = this.height - RULER;
		this.height += row.height;
		this.rows.push(row);
	}

	resize(width, height, ratio) {
		this.width = width;
		this.image = new ImageData(Math.max(1, Math.round(width * ratio)),
			Math.max(1, Math.round(height * ratio)));
		this.canvas.width = this.across = this.image.width;
		this.canvas.height = this.down = this.image.height;
		this.buffer = new Uint32Array(this.image.data.buffer);
		this.visible = height;
		this.ratio = ratio;
		this.columns = Math.max(1, Math.round((width - GUTTER) * ratio));
		this.shares = new Float64Array(this.columns * STATE_COUNT);
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
		return this.begin + (x - GUTTER) / (this.width - GUTTER) * (this.end - this.begin);
	}

	xOf(time) {
		return GUTTER + (time - this.begin) / (this.end - this.begin) * (this.width - GUTTER);
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
		return row ? RULER + row.y - this.scroll + LANE / 2 : undefined;
	}

	// The span at this place, of those that are narrow the one that took longest; or -1.
	spanAt(x, y) {
		const row = this.rowAt(y);
		if (row?.lane === undefined || x < GUTTER)
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

	zoom(factor, x) {
		const time = this.timeAt(x);
		this.show(time - (time - this.begin) * factor, time + (this.end - time) * factor);
	}

	pan(fraction) {
		const by = fraction * (this.end - this.begin);
		this.show(this.begin + by, this.end + by);
	}

	// ---- bars ----

	draw() {
		this.buffer.fill(this.background);
		this.labels = [];
		this.wakes = [];
		const shown = this.rows.filter(row => row.y + row.height > this.scroll &&
			row.y < this.scroll + this.visible);
		for (const row of shown)
			if (row.lane !== undefined)
				this.drawLane(row);
			else
				this.drawBack(row);
		this.context.setTransform(1, 0, 0, 1, 0, 0);
		this.context.putImageData(this.image, 0, 0);
		this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		this.drawOver(shown);
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
		const top = Math.round((RULER + row.y - this.scroll + (LANE - BAR) / 2) * this.ratio);
		const height = Math.round(BAR * this.ratio);
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
			this.labels.push({span, row: this.row, x: GUTTER + x0 / this.ratio,
				width: (x1 - x0) / this.ratio});
		if (recording.isWait(span) && recording.other[span] >= 0 && recording.to[span] <= this.end &&
			this.wakes.length <= ARROWS_MOST)
			this.wakes.push(span);
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
		const x = Math.round(GUTTER * this.ratio) + column;
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

	// ---- words and arrows ----

	drawOver(shown) {
		const context = this.context;
		context.font = '12px system-ui, sans-serif';
		context.textBaseline = 'middle';
		for (const label of this.labels)
			this.drawLabel(label);
		if (this.wakes.length <= ARROWS_MOST)
			for (const span of this.wakes)
				this.drawArrow(span, this.colours.soft, 1);
		this.drawPath();
		this.drawChain();
		this.drawSelected();
		for (const row of shown)
			this.drawName(row);
		this.drawRuler();
		this.drawRange();
	}

	drawLabel({span, row, x, width}) {
		const recording = this.recording, cause = recording.causeOf(span);
		const text = cause ? cause.wait : STATES[recording.state[span]];
		const dark = recording.state[span] === RUNNING;
		this.context.fillStyle = dark ? '#ffffff' : this.colours.label;
		this.drawText(text, x + 4, RULER + row.y - this.scroll + LANE / 2, width - 8);
	}

	// Text in this width, cut if it must be; none if nothing of it would be left.
	drawText(text, x, y, width) {
		const context = this.context;
		const fits = Math.floor(width / 6.5);
		if (fits < 3)
			return;
		const short = text.length > fits ? `${text.slice(0, fits - 1)}…` : text;
		context.fillText(short, x, y, width);
	}

	drawName(row) {
		const {context, colours} = this, y = RULER + row.y - this.scroll;
		context.fillStyle = row.lane === undefined ? colours.row : colours.back;
		context.fillRect(0, y, GUTTER, row.height);
		context.fillStyle = colours.text;
		context.font = `${row.several ? '' : '600 '}12px system-ui, sans-serif`;
		const sign = this.closed.has(row.process) ? '▸' : '▾';
		if (row.lane === undefined)
			this.drawText(`${sign} ${this.recording.processes[row.process]}`, 8, y + PROCESS / 2,
				this.width - 16);
		else
			this.drawText(this.recording.lanes[row.lane].name, row.several ? 32 : 20, y + LANE / 2,
				GUTTER - 40);
	}

	// From who ended a wait to who waited.
	drawArrow(span, colour, width) {
		const recording = this.recording, context = this.context;
		const y0 = this.yOf(recording.other[span]), y1 = this.yOf(recording.laneOf(span));
		const x = this.xOf(recording.to[span]);
		if (y0 === undefined || y1 === undefined || x < GUTTER || y0 === y1)
			return;
		const tip = y1 > y0 ? -1 : 1, end = y1 + tip * BAR / 2;
		context.strokeStyle = context.fillStyle = colour;
		context.lineWidth = width;
		context.beginPath();
		context.moveTo(x, y0);
		context.lineTo(x, end);
		context.stroke();
		context.beginPath();
		context.moveTo(x, end);
		context.lineTo(x - 3.5, end + 6 * tip);
		context.lineTo(x + 3.5, end + 6 * tip);
		context.fill();
	}

	drawPath() {
		const {context, colours} = this;
		context.strokeStyle = colours.mark;
		context.lineWidth = 3;
		context.beginPath();
		let last;
		for (const {lane, from, to} of this.path) {
			const y = this.yOf(lane);
			if (y === undefined)
				continue;
			const x = this.xOf(to);
			if (last !== undefined)
				context.lineTo(x, y + BAR / 2);
			else
				context.moveTo(x, y + BAR / 2);
			context.lineTo(this.xOf(from), y + BAR / 2);
			last = y;
		}
		context.stroke();
	}

	drawChain() {
		for (const {span} of this.chain) {
			this.outline(span, 1.5);
			if (this.recording.isWait(span) && this.recording.other[span] >= 0)
				this.drawArrow(span, this.colours.mark, 2);
		}
	}

	drawSelected() {
		if (this.selected < 0)
			return;
		this.outline(this.selected, 2.5);
		if (this.recording.isWait(this.selected) && this.recording.other[this.selected] >= 0)
			this.drawArrow(this.selected, this.colours.mark, 2);
	}

	outline(span, width) {
		const recording = this.recording, y = this.yOf(recording.laneOf(span));
		if (y === undefined)
			return;
		const x0 = Math.max(GUTTER, this.xOf(recording.from[span]) - 1);
		const x1 = Math.min(this.width, Math.max(x0 + 3, this.xOf(recording.to[span]) + 1));
		if (x1 < GUTTER || x0 > this.width)
			return;
		this.context.strokeStyle = this.colours.mark;
		this.context.lineWidth = width;
		this.context.strokeRect(x0, y - BAR / 2 - 1, x1 - x0, BAR + 2);
	}

	drawRuler() {
		const {context, colours} = this;
		context.font = '12px system-ui, sans-serif';
		context.fillStyle = colours.back;
		context.fillRect(0, 0, this.width, RULER);
		context.strokeStyle = colours.line;
		context.fillStyle = colours.soft;
		context.lineWidth = 1;
		const step = roundStep((this.end - this.begin) / Math.max(1, (this.width - GUTTER) / 110));
		for (let time = Math.ceil(this.begin / step) * step; time <= this.end; time += step) {
			const x = Math.round(this.xOf(time)) + 0.5;
			context.beginPath();
			context.moveTo(x, RULER - 6);
			context.lineTo(x, RULER);
			context.stroke();
			context.fillText(tickText(time, step), x + 3, RULER / 2);
		}
		context.fillText(`${duration(this.end - this.begin)} shown`, 8, RULER / 2);
	}

	drawRange() {
		if (!this.range)
			return;
		const {context, colours} = this;
		const x0 = Math.max(GUTTER, this.xOf(this.range[0]));
		const x1 = Math.min(this.width, this.xOf(this.range[1]));
		if (x1 <= GUTTER || x0 >= this.width)
			return;
		context.globalAlpha = 0.08;
		context.fillStyle = colours.mark;
		context.fillRect(x0, 0, x1 - x0, this.visible);
		context.globalAlpha = 1;
		context.strokeStyle = colours.mark;
		context.lineWidth = 1;
		context.strokeRect(x0 + 0.5, 0.5, x1 - x0 - 1, this.visible);
	}
}

// "#rrggbb" as a pixel of canvas memory, which has red in its first byte.
function pixelOf(colour) {
	const number = parseInt(colour.slice(1), 16);
	const bytes = new Uint8Array([number >> 16, number >> 8 & 255, number & 255, 255]);
	return new Uint32Array(bytes.buffer)[0];
}

// 1, 2 or 5 times a power of ten, no less than what is asked for.
function roundStep(least) {
	const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
	return [1, 2, 5, 10].map(n => n * power).find(step => step >= least) ?? 10 * power;
}

function tickText(time, step) {
	const [factor, unit] = UNITS.find(([size]) => Math.max(time, step) >= size) ?? [1, 'ns'];
	const digits = Math.max(0, Math.ceil(Math.log10(factor / step)));
	return `${(time / factor).toFixed(digits)} ${unit}`;
}
