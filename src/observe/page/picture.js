// picture.js - the timeline as it is seen: bars, and over them words, arrows, and what was chosen.
'use strict';

class Picture extends Bars {
	constructor(canvas, recording) {
		super(canvas, recording);
		this.selected = -1;
		this.range = null; // two moments
		this.path = [];    // of the critical path
		this.chain = [];   // spans that were followed
	}

	// Where a key zooms: at what is selected, else at the pointer, else in the middle.
	anchor(pointer) {
		const {from, to} = this.recording, span = this.selected;
		if (span >= 0 && from[span] <= this.end && to[span] >= this.begin)
			return (Math.max(this.begin, from[span]) + Math.min(this.end, to[span])) / 2;
		return pointer > this.gutter ? this.timeAt(pointer) : (this.begin + this.end) / 2;
	}

	draw() {
		super.draw();
		const context = this.context;
		context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		context.font = '12px system-ui, sans-serif';
		context.textBaseline = 'middle';
		for (const label of this.labels)
			this.drawLabel(label);
		if (this.wakes.length <= ARROWS_MOST)
			for (const span of this.wakes)
				this.drawArrow(span, this.colours.soft, 1);
		if (this.dots.length <= ARROWS_MOST)
			for (const span of this.dots)
				this.drawDot(span);
		this.drawPath();
		this.drawChain();
		this.drawSelected();
		for (const row of this.shown)
			this.drawName(row);
		this.drawRuler();
		this.drawRange();
	}

	drawLabel({span, row, x, width}) {
		const recording = this.recording, cause = recording.causeOf(span);
		const text = !cause ? STATES[recording.state[span]] :
			recording.other[span] >= 0 ? cause.wait : `${cause.wait}, ${cause.ended}`;
		this.context.fillStyle = {[RUNNING]: '#ffffff', [READY]: '#1b1f24'}[recording.state[span]] ??
			this.colours.label;
		this.drawText(text, x + 4, RULER + row.y - this.scroll + this.lane / 2, width - 8);
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
		context.fillRect(0, y, this.gutter, row.height);
		context.fillStyle = colours.text;
		context.font = `${row.several ? '' : '600 '}12px system-ui, sans-serif`;
		const sign = this.closed.has(row.process) ? '▸' : '▾';
		if (row.lane === undefined)
			this.drawText(`${sign} ${this.recording.processes[row.process]}`, 8, y + PROCESS / 2,
				this.width - 16);
		else
			this.drawText(this.nameOf(row.lane), row.several ? 28 : 12, y + this.lane / 2,
				this.gutter - (row.several ? 32 : 16));
	}

	// Where there is little room, without numbers.
	nameOf(lane) {
		const {name} = this.recording.lanes[lane];
		return this.gutter === NAMES ? name : name.replace(/^[0-9/]+ /, '');
	}

	// From who ended a wait to who waited.
	drawArrow(span, colour, width) {
		const recording = this.recording, context = this.context;
		const y0 = this.endOf(recording.other[span]), y1 = this.yOf(recording.laneOf(span));
		const x = this.xOf(recording.to[span]);
		if (y0 === undefined || y1 === undefined || x < this.gutter || y0 === y1)
			return;
		const tip = y1 > y0 ? -1 : 1, end = y1 + tip * this.bar / 2;
		const head = Math.min(6, this.lane - this.bar);
		context.strokeStyle = context.fillStyle = colour;
		context.lineWidth = width;
		context.beginPath();
		context.moveTo(x, y0 - tip * this.bar / 2);
		context.lineTo(x, end);
		context.stroke();
		context.beginPath();
		context.moveTo(x, end);
		context.lineTo(x - head / 2, end + head * tip);
		context.lineTo(x + head / 2, end + head * tip);
		context.fill();
	}

	// At the end of a wait that none of these threads ended.
	drawDot(span) {
		const context = this.context, x = this.xOf(this.recording.to[span]);
		if (x < this.gutter)
			return;
		context.fillStyle = this.colours.soft;
		context.beginPath();
		context.arc(x, this.yOf(this.recording.laneOf(span)), 3, 0, 2 * Math.PI);
		context.fill();
	}

	// Below the bars, with a line to the next thread where one of both stretches is wide enough to be seen.
	drawPath() {
		const {context, colours} = this;
		context.fillStyle = colours.mark;
		let last = {};
		for (const {lane, from, to} of this.path) {
			const middle = this.yOf(lane), x = this.xOf(from), end = this.xOf(to);
			if (middle === undefined || end < this.gutter || x > this.width)
				continue;
			const y = middle + this.bar / 2, wide = end - x > PATH_LEAST;
			context.fillRect(x, y, Math.max(1, end - x), 3);
			if (last.y !== undefined && (wide || last.wide))
				context.fillRect(end - 1, Math.min(y, last.y), 2, Math.abs(y - last.y) + 3);
			last = {y, wide};
		}
	}

	drawChain() {
		for (const {span} of this.chain) {
			if (this.widthOf(span) > ARROW_LEAST)
				this.drawChosen(span, 1.5);
			else
				this.underline(span);
		}
	}

	drawSelected() {
		if (this.selected >= 0)
			this.drawChosen(this.selected, 2.5);
	}

	drawChosen(span, width) {
		this.outline(span, width);
		if (this.recording.isWait(span) && this.recording.other[span] >= 0)
			this.drawArrow(span, this.colours.mark, 2);
	}

	widthOf(span) {
		const {from, to} = this.recording;
		return this.xOf(to[span]) - this.xOf(from[span]);
	}

	underline(span) {
		const y = this.yOf(this.recording.laneOf(span)), x = this.xOf(this.recording.from[span]);
		this.context.fillStyle = this.colours.mark;
		if (y !== undefined)
			this.context.fillRect(x, y + this.bar / 2, Math.max(1, this.widthOf(span)), 3);
	}

	outline(span, width) {
		const recording = this.recording, y = this.yOf(recording.laneOf(span));
		if (y === undefined)
			return;
		const x0 = Math.max(this.gutter, this.xOf(recording.from[span]) - 1);
		const x1 = Math.min(this.width, Math.max(x0 + 3, this.xOf(recording.to[span]) + 1));
		if (x1 < this.gutter || x0 > this.width)
			return;
		this.context.strokeStyle = this.colours.mark;
		this.context.lineWidth = width;
		this.context.strokeRect(x0, y - this.bar / 2 - 1, x1 - x0, this.bar + 2);
	}

	drawRuler() {
		const {context, colours} = this;
		context.font = '12px system-ui, sans-serif';
		context.fillStyle = colours.back;
		context.fillRect(0, 0, this.width, RULER);
		context.strokeStyle = colours.line;
		context.fillStyle = colours.soft;
		context.lineWidth = 1;
		const step = roundStep((this.end - this.begin) / Math.max(1, (this.width - this.gutter) / 110));
		for (let time = Math.ceil(this.begin / step) * step; time <= this.end; time += step) {
			const x = Math.round(this.xOf(time)) + 0.5;
			context.beginPath();
			context.moveTo(x, RULER - 6);
			context.lineTo(x, RULER);
			context.stroke();
			const text = tickText(time, step);
			if (x + 3 + context.measureText(text).width < this.width)
				context.fillText(text, x + 3, RULER / 2);
		}
		context.fillText(`${duration(this.end - this.begin)} shown`, 8, RULER / 2);
	}

	drawRange() {
		if (!this.range)
			return;
		const {context, colours} = this;
		const x0 = Math.max(this.gutter, this.xOf(this.range[0]));
		const x1 = Math.min(this.width, this.xOf(this.range[1]));
		if (x1 <= this.gutter || x0 >= this.width)
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
