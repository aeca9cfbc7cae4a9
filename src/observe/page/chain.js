// chain.js - why a thread was where it was: from effect to cause, and what a stretch of time was spent on.
'use strict';

// One step back in cause: {span, words}, or {words} where the recording tells no more. `span` is what the
// thread that is named did just then.
function causeBefore(recording, span) {
	const previous = recording.previous(span);
	switch (recording.state[span]) {
	case BLOCKED:
	case ASLEEP:
		return whoEnded(recording, span);
	case NEW:
		return whoMade(recording, span);
	case READY:
		if (previous >= 0 && recording.state[previous] === RUNNING)
			return whoTookOver(recording, span);
		return previous >= 0 ? {span: previous, words: 'it was woken'} : {words: 'before, nothing is told'};
	case RUNNING:
		return previous >= 0 ? {span: previous, words: 'it got a CPU'} :
			{words: 'it ran when the recording began'};
	case TERMINATED:
		return previous >= 0 ? {span: previous, words: 'it terminated'} : {words: 'it had terminated before'};
	default:
		return {words: 'the recording does not tell'};
	}
}

function whoEnded(recording, span) {
	const cause = recording.causeOf(span), waker = recording.other[span];
	const words = cause ? cause.ended : 'who ended it is not told';
	const source = waker >= 0 ? recording.before(waker, recording.to[span]) : -1;
	return source >= 0 ? {span: source, words} : {words};
}

function whoMade(recording, span) {
	const maker = recording.other[span];
	const source = maker >= 0 ? recording.before(maker, recording.from[span]) : -1;
	return source >= 0 ? {span: source, words: `made by ${recording.lanes[maker].name}`} :
		{words: 'who made it was not followed'};
}

// The thread lost its CPU: that has no cause further back, but a name.
function whoTookOver(recording, span) {
	const next = recording.other[span];
	const name = next >= 0 ? `: ${recording.lanes[next].name}` :
		recording.otherTid[span] ? `: ${recording.otherTid[span]}` : '';
	return {words: `off its CPU, ${recording.whys[recording.detail[span]]}${name}`};
}

// From a span back to the origin of it: [{span, words}], the last with the words that say why it ends there.
function follow(recording, span) {
	const chain = [], seen = new Set();
	while (span !== undefined && !seen.has(span) && chain.length < 10000) {
		seen.add(span);
		const step = causeBefore(recording, span);
		chain.push({span, words: step.words});
		span = step.span;
	}
	return chain;
}

// What the time between two moments was spent on, so that this thread got to where it was at the later one:
// [{span, lane, from, to}], backwards. Where a thread was woken by another, what counts is what that one
// did until then. The stretches fill the time without a gap, as far as it is told.
function criticalPath(recording, lane, begin, end) {
	const path = [], hopped = new Set();
	let time = end;
	while (time > begin) {
		const span = recording.lastBefore(lane, time);
		if (span < 0)
			break;
		if (recording.to[span] < time) { // it had ended, or is not told of
			time = recording.to[span];
			continue;
		}
		const waker = recording.other[span];
		const woken = recording.isWait(span) && recording.to[span] === time && waker >= 0;
		const hop = `${lane} ${time}`;
		if (woken && !hopped.has(hop) && recording.before(waker, time) >= 0) {
			hopped.add(hop);
			lane = waker;
			continue;
		}
		const from = Math.max(begin, recording.from[span]);
		path.push({span, lane, from, to: time});
		time = from;
		if (recording.state[span] === NEW && waker >= 0 && time > begin)
			lane = waker;
	}
	return path;
}

// The same, added up by thread and what it did: [{lane, what, time, span}], most time first.
function addUp(recording, path) {
	const sums = new Map();
	for (const {span, lane, from, to} of path) {
		const what = whatItDid(recording, span), key = `${lane} ${what}`;
		const sum = sums.get(key) ?? {lane, what, time: 0, span, longest: 0};
		sum.time += to - from;
		if (to - from > sum.longest) {
			sum.longest = to - from;
			sum.span = span;
		}
		sums.set(key, sum);
	}
	return [...sums.values()].sort((a, b) => b.time - a.time);
}

function whatItDid(recording, span) {
	const cause = recording.causeOf(span);
	if (recording.isWait(span))
		return cause ? `blocked: ${cause.wait}` : 'blocked';
	return {[READY]: 'ready, waiting for a CPU', [RUNNING]: 'running', [NEW]: 'new',
		[TERMINATED]: 'terminated, not reaped yet', [UNSEEN]: 'not told by the recording'}[recording.state[span]];
}
