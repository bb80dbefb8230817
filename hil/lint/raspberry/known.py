"""The words of a config.txt: its settings and filters, and the settings that a netboot does not hear. Data alone.

Source: raspberrypi/documentation, computers/config_txt/*.adoc and computers/configuration/device-tree.adoc. A setting
that is not here is no error: the firmware has some that nobody documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.config.rpi import BoardModel

_BOOT: Final = """
start_file fixup_file start_x start_debug disable_commandline_tags cmdline kernel arm_64bit arm_control armstub
arm_peri_high kernel_address kernel_old ramfsfile ramfsaddr initramfs auto_initramfs init_uart_baud init_uart_clock
bootcode_delay boot_delay boot_delay_ms disable_poe_fan disable_splash enable_gic enable_uart force_eeprom_read
os_prefix overlay_prefix otg_mode uart_2ndstage upstream_kernel sha256 include boot_partition boot_ramdisk
bootloader_update eeprom_write_protect program_pubkey revoke_devkey program_rpiboot_gpio program_usb_boot_mode
program_usb_boot_timeout program_gpio_bootmode program_jtag_lock recovery_wait recovery_reboot pciex4_reset
enable_rp1_uart os_check erase_eeprom set_reboot_order set_reboot_arg1
"""
_DEVICE_TREE: Final = """
device_tree device_tree_address device_tree_end device_tree_param device_tree_overlay dtoverlay dtparam dtdebug
"""
_MEMORY: Final = "gpu_mem gpu_mem_256 gpu_mem_512 gpu_mem_1024 total_mem disable_l2cache disable_pvt cma_lwm cma_hwm"
_CLOCKS: Final = """
arm_boost arm_freq arm_freq_min gpu_freq gpu_freq_min core_freq core_freq_min core_freq_fixed h264_freq
h264_freq_min isp_freq isp_freq_min v3d_freq v3d_freq_min hevc_freq hevc_freq_min sdram_freq sdram_freq_min
over_voltage over_voltage_min over_voltage_delta over_voltage_avs over_voltage_avs_boost over_voltage_sdram
over_voltage_sdram_c over_voltage_sdram_i over_voltage_sdram_p force_turbo initial_turbo temp_limit temp_soft_limit
avoid_warnings vpred power_force_3v3_pwm
"""
_SCREEN: Final = """
hdmi_group hdmi_mode hdmi_drive hdmi_safe hdmi_blanking hdmi_boost config_hdmi_boost hdmi_force_hotplug
hdmi_ignore_hotplug hdmi_ignore_edid hdmi_ignore_edid_audio hdmi_ignore_cec hdmi_ignore_cec_init hdmi_ignore_hotplug
hdmi_pixel_encoding hdmi_pixel_freq_limit hdmi_edid_file hdmi_edid_filename hdmi_force_edid_audio hdmi_force_edid_3d
hdmi_force_mode hdmi_cvt hdmi_timings hdmi_max_pixel_freq hdmi_enable_4kp60 hdmi_auth_disable hdmi_channel_map
sdtv_mode sdtv_aspect sdtv_disable_colourburst enable_tvout disable_overscan overscan_left overscan_right overscan_top
overscan_bottom overscan_scale framebuffer_width framebuffer_height framebuffer_depth framebuffer_ignore_alpha
framebuffer_priority framebuffer_swap max_framebuffers max_framebuffer_width max_framebuffer_height display_rotate
display_hdmi_rotate display_lcd_rotate display_auto_detect display_default_lcd lcd_rotate lcd_framerate
disable_touchscreen enable_dpi_lcd dpi_group dpi_mode dpi_output_format dpi_timings disable_fw_kms_setup
dispmanx_offline test_mode edid_content_type disable_audio_dither enable_audio_dither pwm_sample_bits audio_pwm_mode
cec_osd_name camera_auto_detect disable_camera_led awb_auto_is_greyworld decode_MPG2 decode_WVC1
"""
_PINS: Final = "gpio usb_max_current_enable max_usb_current dtnode"

KNOWN_KEYS: Final = frozenset(" ".join((_BOOT, _DEVICE_TREE, _MEMORY, _CLOCKS, _SCREEN, _PINS)).split())

FILTERS: Final = (
    *("none", "pi0", "pi0w", "pi02", "pi1", "pi2", "pi3", "pi3+", "pi4", "pi400", "pi5", "pi500"),
    *("cm0", "cm1", "cm4", "cm4s", "cm5"),
)
"""The filters that look at the model (config_txt/conditional.adoc)."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Why a setting does nothing.

    Args:
        models: of which it is so.
        why: in words that follow a colon.
    """

    models: frozenset[BoardModel]
    why: str


_BCM2711: Final[frozenset[BoardModel]] = frozenset({"cm4", "pi4"})
_ALL: Final[frozenset[BoardModel]] = _BCM2711 | {"cm3", "cm3+"}

HEARD_ELSEWHERE: Final = {
    "bootcode_delay": Unheard(_BCM2711, "bootcode.bin heeds it, and an EEPROM took that file's place"),
    "program_usb_boot_mode": Unheard(
        _BCM2711, "it writes OTP bits of a BCM2837; here BOOT_ORDER in the EEPROM counts"
    ),
    "program_usb_boot_timeout": Unheard(_BCM2711, "it writes OTP bits of a BCM2837"),
    "program_gpio_bootmode": Unheard(_BCM2711, "it writes OTP bits of a BCM2837"),
    "boot_partition": Unheard(_ALL, "it chooses among the partitions of a disk, in autoboot.txt"),
}
