DROP TABLE bookings, booking_page_hosts, booking_pages;
