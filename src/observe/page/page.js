// page.js - what mouse and keys do.
'use strict';

// How much a recording knows, by the way in which it was made.
const TIERS = {
	A: 'every change of these threads was seen in the kernel, with its cause (BPF, tier A)',
	B: 'every change of these threads was seen by the tracer of the kernel (tracefs, tier B); some causes are not told',
	C: 'every run was seen (perf events, tier C); who woke whom is not told',
	D: 'looked at now and then (/proc, tier D); what lies between is reckoned',
};

class Page {
	constructor() {
		this.recording = new Recording(JSON.parse(document.getElementById('data').textContent));
		this.canvas = document.getElementById('lanes');
		this.scroller = document.getElementById('scroller');
		this.picture = new Picture(this.canvas, this.recording);
		this.panel = new Panel(this.recording, span => this.choose(span));
		this.hasRange = false; // two moments were chosen
		this.pointer = -1; // where it is over the picture
		this.drawn = {frames: 0, time: 0}; // how often and how long it was drawn
		this.describe();
		this.listen();
		this.panel.clear();
		this.panel.showSummary(document.getElementById('states').innerHTML);
		this.resize();
	}

	describe() {
		const {report, lanes} = this.recording;
		const traced = report.command?.replace(/^-- /, '') || 'a recording';
		document.title = `Timeline of ${traced}`;
		document.getElementById('title').textContent = traced;
		document.getElementById('about').textContent =
			`${duration(report.duration_ns)}, ${counted(lanes.length, 'thread')}, ` +
			`${counted(report.cpu_count, 'CPU')}, ` +
			`Linux ${report.release || '?'}; ${TIERS[report.tier] ?? report.source}` +
			(report.doubts.length ? '; not everything is known, see below' : '');
	}

	// ---- drawing ----

	resize() {
		this.picture.resize(this.scroller.clientWidth, this.scroller.clientHeight,
			window.devicePixelRatio || 1);
		document.getElementById('room').style.height =
			`${Math.max(0, this.picture.height - this.scroller.clientHeight)}px`;
		this.redraw();
	}

	// Once for all that happens before the next frame.
	redraw() {
		if (this.waiting)
			return;
		this.waiting = true;
		requestAnimationFrame(() => {
			this.waiting = false;
			const start = performance.now();
			this.picture.scroll = this.scroller.scrollTop;
			this.picture.draw();
			this.drawn.time += performance.now() - start;
			this.drawn.frames++;
		});
	}

	// ---- what is selected ----

	select(span) {
		this.picture.selected = span;
		this.picture.chain = [];
		this.panel.showChain([]);
		if (span >= 0)
			this.panel.showSpan(span);
		else
			this.panel.clear();
		this.redraw();
	}

	// Selects it, and brings it into sight.
	goTo(span) {
		const {recording, picture} = this;
		const {from, to} = recording, shown = picture.end - picture.begin;
		const lane = recording.laneOf(span);
		if (picture.closed.delete(recording.lanes[lane].process))
			this.resize();
		if (from[span] < picture.begin || to[span] > picture.end || (to[span] - from[span]) * 200 < shown) {
			const width = Math.min(shown, Math.max(20 * (to[span] - from[span]), 1000));
			const middle = (from[span] + to[span]) / 2;
			picture.show(middle - width / 2, middle + width / 2);
		}
		this.scrollTo(lane);
		this.select(span);
	}

	// Of the words: from there on keys are for the picture.
	choose(span) {
		this.goTo(span);
		this.canvas.focus({preventScroll: true});
	}

	scrollTo(lane) {
		const row = this.picture.rows[this.picture.rowOfLane[lane]];
		const {scrollTop, clientHeight} = this.scroller;
		if (row.y < scrollTop || row.y + row.height > scrollTop + clientHeight - RULER)
			this.scroller.scrollTop = row.y - clientHeight / 2;
	}

	follow() {
		if (this.picture.selected < 0) {
			this.panel.clear('First select a bar: by a click, or with the arrow keys.');
			return;
		}
		this.picture.chain = follow(this.recording, this.picture.selected);
		this.panel.showChain(this.picture.chain);
		this.redraw();
	}

	// To where the selected thread, or the one that ran last, was at the end of the range, or of what is shown.
	showPath() {
		const {recording, picture} = this;
		if (!recording.lanes.length)
			return;
		const range = this.hasRange ? picture.range : [picture.begin, picture.end];
		const lane = picture.selected >= 0 ? recording.laneOf(picture.selected) : this.lastLane(range[1]);
		picture.range = range;
		picture.path = criticalPath(recording, lane, range[0], range[1]);
		this.panel.showPath(picture.path, lane, range);
		this.redraw();
	}

	// The thread that was the last to run before this time.
	lastLane(time) {
		const {recording} = this;
		let last = 0, latest = -1;
		for (let lane = 0; lane < recording.lanes.length; lane++) {
			const end = recording.lastRun(lane, time);
			if (end > latest) {
				latest = end;
				last = lane;
			}
		}
		return last;
	}

	clear() {
		this.hasRange = false;
		this.picture.range = null;
		this.picture.path = [];
		this.panel.showPath([], 0, null);
		this.panel.showFound('');
		this.select(-1);
	}

	// The next span of the selected lane, or the same moment in the next lane.
	step(spans, lanes) {
		const {recording, picture} = this;
		if (!recording.lanes.length)
			return;
		if (picture.selected < 0) {
			this.goTo(Math.min(recording.after(0, picture.begin), recording.first[1] - 1));
			return;
		}
		const lane = recording.laneOf(picture.selected);
		const to = lanes ? Math.min(recording.lanes.length - 1, Math.max(0, lane + lanes)) : lane;
		const wanted = lanes ? recording.after(to, recording.from[picture.selected]) :
			picture.selected + spans;
		if (recording.first[to] < recording.first[to + 1])
			this.goTo(Math.min(recording.first[to + 1] - 1, Math.max(recording.first[to], wanted)));
	}

	// ---- search ----

	search(text) {
		this.found = this.panel.showFound(text.trim());
		this.foundAt = -1;
	}

	nextFound() {
		if (!this.found?.length)
			return;
		this.foundAt = (this.foundAt + 1) % this.found.length;
		this.goTo(this.found[this.foundAt]);
	}

	// ---- mouse ----

	listen() {
		const on = (target, event, act, options) => target.addEventListener(event, act, options);
		on(window, 'resize', () => this.resize());
		on(this.scroller, 'scroll', () => this.redraw());
		on(this.canvas, 'wheel', event => this.wheel(event), {passive: false});
		on(this.canvas, 'pointerdown', event => this.press(event));
		on(this.canvas, 'pointermove', event => this.move(event));
		on(this.canvas, 'pointerup', event => this.release(event));
		on(this.canvas, 'pointerleave', () => this.pointer = -1);
		on(window, 'keydown', event => this.key(event));
		for (const media of ['(prefers-color-scheme: dark)', 'print'])
			on(matchMedia(media), 'change', () => this.recolour());
		on(document.getElementById('search'), 'input', event => this.search(event.target.value));
		for (const button of document.querySelectorAll('[data-key]'))
			on(button, 'click', () => this.act(button.dataset.key));
	}

	// At once: paper waits for no frame.
	recolour() {
		this.picture.readColours();
		this.picture.draw();
	}

	place(event) {
		const box = this.canvas.getBoundingClientRect();
		return {x: event.clientX - box.left, y: event.clientY - box.top};
	}

	wheel(event) {
		const zooms = event.ctrlKey || event.metaKey;
		const pans = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
		if (!zooms && !pans)
			return; // the scroller's
		event.preventDefault();
		if (zooms)
			this.picture.zoom(Math.exp(event.deltaY / 300), this.picture.timeAt(this.place(event).x));
		else
			this.picture.pan((event.deltaX || event.deltaY) / this.picture.width);
		this.redraw();
	}

	press(event) {
		const {x, y} = this.place(event);
		this.canvas.setPointerCapture(event.pointerId);
		this.drag = {x, y, moved: false, begin: this.picture.begin, end: this.picture.end,
			top: this.scroller.scrollTop, ranges: event.shiftKey || y < RULER};
	}

	move(event) {
		const {drag, picture} = this, {x, y} = this.place(event);
		this.pointer = x;
		if (!drag)
			return;
		drag.moved ||= Math.abs(x - drag.x) + Math.abs(y - drag.y) > 4;
		if (!drag.moved)
			return;
		if (drag.ranges) {
			const times = [drag.x, x].map(at => Math.round(picture.timeAt(Math.max(picture.gutter, at))));
			picture.range = [Math.max(0, Math.min(...times)),
				Math.min(this.recording.duration, Math.max(...times))];
		} else {
			const by = (drag.x - x) / (picture.width - picture.gutter) * (drag.end - drag.begin);
			picture.show(drag.begin + by, drag.end + by);
			this.scroller.scrollTop = drag.top + drag.y - y;
		}
		this.redraw();
	}

	release(event) {
		const {drag} = this, {x, y} = this.place(event);
		this.drag = null;
		if (!drag)
			return;
		if (drag.moved && drag.ranges) {
			this.hasRange = true;
			this.showPath();
		}
		if (!drag.moved)
			this.click(x, y);
	}

	click(x, y) {
		const {picture} = this, row = picture.rowAt(y);
		if (row && row.lane === undefined) {
			this.foldProcess(row.process);
			return;
		}
		this.select(picture.spanAt(x, y));
	}

	// ---- keys ----

	zoom(factor) {
		this.picture.zoom(factor, this.picture.anchor(this.pointer));
	}

	// The range begins or ends with what is selected.
	mark(end) {
		const {picture, recording} = this, span = picture.selected;
		if (span < 0)
			return;
		const range = this.hasRange ? [...picture.range] : [0, recording.duration];
		range[end] = end ? recording.to[span] : recording.from[span];
		if (range[0] >= range[1])
			range[1 - end] = end ? 0 : recording.duration;
		picture.range = range;
		this.hasRange = true;
		this.showPath();
	}

	// Of what is selected: its process.
	fold() {
		if (this.picture.selected >= 0)
			this.foldProcess(this.recording.lanes[this.recording.laneOf(this.picture.selected)].process);
	}

	foldProcess(process) {
		if (!this.picture.closed.delete(process))
			this.picture.closed.add(process);
		this.resize();
	}

	key(event) {
		if (event.target.id === 'search') {
			if (event.key === 'Enter')
				this.nextFound();
			else if (event.key === 'Escape')
				event.target.blur();
			return;
		}
		if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]'))
			return;
		if (event.key.startsWith('Arrow') && event.target.closest?.('aside'))
			return; // scrolls the words
		if (this.act(event.key))
			event.preventDefault();
	}

	// What each key does.
	get acts() {
		return {
			'+': () => this.zoom(0.6),
			'=': () => this.zoom(0.6),
			w: () => this.zoom(0.6),
			'-': () => this.zoom(1 / 0.6),
			s: () => this.zoom(1 / 0.6),
			a: () => this.picture.pan(-0.25),
			d: () => this.picture.pan(0.25),
			0: () => this.picture.show(0, this.recording.duration),
			ArrowLeft: () => this.step(-1, 0),
			ArrowRight: () => this.step(1, 0),
			ArrowUp: () => this.step(0, -1),
			ArrowDown: () => this.step(0, 1),
			f: () => this.follow(),
			c: () => this.showPath(),
			'[': () => this.mark(0),
			']': () => this.mark(1),
			x: () => this.fold(),
			n: () => this.nextFound(),
			'/': () => document.getElementById('search').focus(),
			g: () => document.getElementById('diagram').showModal(),
			'?': () => document.getElementById('help').showModal(),
			Escape: () => this.clear(),
		};
	}

	// False: the key means nothing here.
	act(key) {
		const {acts} = this;
		if (!Object.hasOwn(acts, key))
			return false;
		acts[key]();
		this.redraw();
		return true;
	}
}

const page = new Page();
