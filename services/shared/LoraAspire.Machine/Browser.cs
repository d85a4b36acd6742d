namespace LoraAspire.Machine;

/// <summary>A Chromium for this machine: the pages are tested in it.</summary>
public static class Browser
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

    /// <summary>Where browsers stand that are on no PATH.</summary>
    private static readonly string[] s_usual =
    [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe",
        @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    /// <summary>
    /// The one that is installed, else the one unpacked earlier, else Debian's own package unpacked into the user's cache.
    /// </summary>
    /// <param name="say">Told before what takes seconds.</param>
    /// <exception cref="MachineException">None can be had; the message says what to do.</exception>
    public static async Task<MachineProgram> FindOrUnpackAsync(Action<string> say, CancellationToken cancellationToken = default)
    {
        if ((MachineProgram.OnPath(s_names) ?? s_usual.Where(File.Exists).Select(MachineProgram.At).FirstOrDefault()) is { } present)
        {
            return present;
        }
        try
        {
            return await new DebianPackage("chromium", "usr/lib/chromium/chromium", ["fonts-dejavu-core", "fontconfig-config"])
                .UnpackAsync(say, cancellationToken);
        }
        catch (MachineException missing)
        {
            throw new MachineException($"No browser: none of {string.Join(", ", s_names)} is on the PATH. {missing.Message} Install "
                + "Chromium, Chrome or Edge.", missing);
        }
    }
}
