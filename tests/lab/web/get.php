<?php
// SPDX-License-Identifier: MIT
//
// Fetches a page as a browser would and prints its status line, then its text, table cells
// apart by a tab. A lab host has PHP and perhaps nothing else that speaks HTTP.
//
//   php get.php URL

declare(strict_types=1);

$options = ['http' => ['ignore_errors' => true, 'timeout' => 5.0, 'header' => 'Connection: close']];
$body = @file_get_contents($argv[1], false, stream_context_create($options));
if ($body === false) {
    fwrite(STDERR, 'no answer from ' . $argv[1] . ': ' . (error_get_last()['message'] ?? '') . "\n");
    exit(1);
}
echo $http_response_header[0], "\n";
$body = preg_replace(['/<head>.*<\/head>/s', '/<\/t[dh]><t[dh]>/'], ['', "\t"], $body);
$text = html_entity_decode(strip_tags($body), ENT_QUOTES);
echo implode("\n", preg_grep('/\S/', explode("\n", $text))), "\n";
