using Microsoft.AspNetCore.HostFiltering;

namespace LoraAspire.Lab.Security;

/// <summary>
/// Keeps other web sites, open in the same browser, out: a page can submit runs and stop processes, and nobody logs in.
/// </summary>
public static class LocalOnly
{
    // MudBlazor positions popovers and draws progress bars by style attributes, hence 'unsafe-inline' for styles alone.
    private const string ContentSecurityPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; " +
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>Refuses a Host that is not this machine: a name of someone else's that resolves to 127.0.0.1 (DNS rebinding).</summary>
    public static void AddLocalOnly(this IServiceCollection services) => services.Configure<HostFilteringOptions>(options =>
    {
        options.AllowedHosts = ["localhost", "127.0.0.1", "[::1]"];
        options.AllowEmptyHosts = false;
    });

    /// <summary>Refuses what another origin's page sends (forms, fetches, web sockets), and names in every answer what a page may load.</summary>
    public static void UseLocalOnly(this WebApplication app) => app.Use(async (context, next) =>
    {
        var request = context.Request;
        if (request.Headers.Origin is [{ } origin] && origin != $"{request.Scheme}://{request.Host}")
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            await context.Response.WriteAsync("This page is answered to its own origin only.", context.RequestAborted);
            return;
        }
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        await next(context);
    });
}
