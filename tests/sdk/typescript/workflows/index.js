'use strict';
// The workflows of the scenarios: the seven that every SDK runs, then the real-estate ones.

module.exports = { ...require('./common'), ...require('./property') };
