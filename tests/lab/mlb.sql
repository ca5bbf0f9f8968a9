-- SPDX-License-Identifier: MIT
-- The application's table: the thirty Major League Baseball clubs. The same rows on both hosts.
CREATE TABLE teams (
	name VARCHAR(64) NOT NULL PRIMARY KEY,
	short_name VARCHAR(32) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO teams (name, short_name) VALUES
	('Arizona Diamondbacks', 'D-backs'),
	('Athletics', 'A''s'),
	('Atlanta Braves', 'Braves'),
	('Baltimore Orioles', 'Orioles'),
	('Boston Red Sox', 'Red Sox'),
	('Chicago Cubs', 'Cubs'),
	('Chicago White Sox', 'White Sox'),
	('Cincinnati Reds', 'Reds'),
	('Cleveland Guardians', 'Guardians'),
	('Colorado Rockies', 'Rockies'),
	('Detroit Tigers', 'Tigers'),
	('Houston Astros', 'Astros'),
	('Kansas City Royals', 'Royals'),
	('Los Angeles Angels', 'Angels'),
	('Los Angeles Dodgers', 'Dodgers'),
	('Miami Marlins', 'Marlins'),
	('Milwaukee Brewers', 'Brewers'),
	('Minnesota Twins', 'Twins'),
	('New York Mets', 'Mets'),
	('New York Yankees', 'Yankees'),
	('Philadelphia Phillies', 'Phillies'),
	('Pittsburgh Pirates', 'Pirates'),
	('San Diego Padres', 'Padres'),
	('San Francisco Giants', 'Giants'),
	('Seattle Mariners', 'Mariners'),
	('St. Louis Cardinals', 'Cardinals'),
	('Tampa Bay Rays', 'Rays'),
	('Texas Rangers', 'Rangers'),
	('Toronto Blue Jays', 'Blue Jays'),
	('Washington Nationals', 'Nationals');

-- The numbered writer's table (vipwrite.c): no key on (writer, n), so that a row applied twice shows.
CREATE TABLE commits (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	writer INT NOT NULL,
	n BIGINT NOT NULL,
	server INT NOT NULL,
	KEY (writer, n)
) ENGINE=InnoDB;
