<?php
// SPDX-License-Identifier: MIT
//
// The application of the scenario: lists the Major League Baseball teams from the database that
// the hosts file calls DB_Host, that is, from whichever host has the virtual IP now. It knows
// nothing of zonevip, and says which server answered so that a person can see the VIP move.
//
// Configuration: a file in ini form named by TEAMS_CONFIG (host, user, password, database).

declare(strict_types=1);

// A try that fails is told to the user; it does not hold a worker of the web server for long.
const CONNECT_SECONDS = 2;
const READ_SECONDS = 2;

// A warning on the page would be sent before the status, and turn a 503 into a 200.
ini_set('display_errors', '0');

function h(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
}

/** @return array{string, list<array{string, string}>} name of the database server, teams */
function teams(array $config): array
{
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $db = mysqli_init();
    $db->options(MYSQLI_OPT_CONNECT_TIMEOUT, CONNECT_SECONDS);
    $db->options(MYSQLI_OPT_READ_TIMEOUT, READ_SECONDS);
    $db->real_connect($config['host'], $config['user'], $config['password'], $config['database']);
    $db->set_charset('utf8mb4');
    $server = $db->query('SELECT @@hostname')->fetch_row()[0];
    $rows = $db->query('SELECT name, short_name FROM teams ORDER BY name')->fetch_all();
    $db->close();
    return [$server, $rows];
}

function page(string $title, string $body): void
{
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    echo "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>", h($title), "</title></head>\n<body>\n";
    echo '<h1>', h($title), "</h1>\n", $body, "</body>\n</html>\n";
}

$config = parse_ini_file((string) getenv('TEAMS_CONFIG'));
$web = (string) gethostname();
try {
    [$server, $rows] = teams($config ?: throw new RuntimeException('TEAMS_CONFIG names no file that can be read'));
    $body = '<p>Served by ' . h($web) . ', answered by ' . h($server) . ' (' . h($config['host']) . ' is '
        . h(gethostbyname($config['host'])) . '), ' . count($rows) . " teams</p>\n<table>\n"
        . "<tr><th>Team</th><th>Short name</th></tr>\n";
    foreach ($rows as [$name, $short]) {
        $body .= '<tr><td>' . h($name) . '</td><td>' . h($short) . "</td></tr>\n";
    }
    page('Major League Baseball teams', $body . "</table>\n");
} catch (Throwable $error) {
    http_response_code(503);
    header('Retry-After: 1');
    page('The teams are not available', '<p>Served by ' . h($web) . ': the database at '
        . h((string) ($config['host'] ?? 'an unknown host')) . ' does not answer: '
        . h($error->getMessage()) . ".</p>\n");
}
