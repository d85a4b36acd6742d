using MudBlazor;

namespace LoraAspire.Lab.Layout;

/// <summary>Colours and type of every page. Fonts are the reader's own: nothing is fetched.</summary>
public static class LabTheme
{
    private static readonly string[] Sans = ["Inter", "system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "Ubuntu",
        "Cantarell", "Liberation Sans", "sans-serif"];

    public static readonly MudTheme Theme = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#4f52c9",
            Secondary = "#0f8b8d",
            Success = "#166f48",
            Error = "#b32c2c",
            Warning = "#8a5804",
            Info = "#2a74c9",
            Background = "#f6f7f9",
            Surface = "#ffffff",
            DrawerBackground = "#ffffff",
            DrawerText = "#3b4252",
            DrawerIcon = "#6b7385",
            TextPrimary = "#1b1f28",
            TextSecondary = "#5d6675",
            LinesDefault = "#e4e7ec",
            TableLines = "#eceef2",
            Divider = "#e4e7ec",
            LinesInputs = "#c6ccd6",
            TableHover = "#f3f4f8",
            ActionDefault = "#5d6675",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#9694f5",
            Secondary = "#45c4b9",
            Success = "#4cc38a",
            Error = "#f2716b",
            Warning = "#e6a94a",
            Info = "#6aa9f0",
            Background = "#101216",
            Surface = "#171a20",
            DrawerBackground = "#13161b",
            DrawerText = "#c3c9d4",
            DrawerIcon = "#8b94a5",
            TextPrimary = "#e7eaf0",
            TextSecondary = "#99a2b3",
            LinesDefault = "#262b34",
            TableLines = "#22262e",
            Divider = "#262b34",
            LinesInputs = "#3a414d",
            TableHover = "#1d2128",
            ActionDefault = "#99a2b3",
            Black = "#0b0d10",
            PrimaryContrastText = "#12131a",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "8px", DrawerWidthLeft = "216px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = Sans, FontSize = "0.875rem", LineHeight = "1.5", LetterSpacing = "normal" },
            Button = new ButtonTypography { FontFamily = Sans, TextTransform = "none", FontWeight = "550", LetterSpacing = "normal" },
        },
    };
}
